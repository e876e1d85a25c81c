"""Models as estimators of scikit-learn: those of Keras 3, and those of Keras 1 and 2."""

import copy
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed")
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import pykernels as pk
from pykernels.layers import Dense, Input
from pykernels.models import Sequential
from pykernels.wrappers import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer
from pykernels.wrappers.scikit_learn import KerasClassifier, KerasRegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype("float32")
TWO = np.where(X[:, 0] > 0, "yes", "no")
THREE = np.digitize(X[:, 0], [-0.5, 0.5]) * 10
PRICE = (X @ [1.0, 2.0, -1.0, 0.5]).astype("float32")


def compiled(units, activation, loss, hidden=8, optimizer="adam", metrics=("accuracy",)):
    model = Sequential([Input((4,)), Dense(hidden, activation="relu"), Dense(units, activation=activation)])
    model.compile(optimizer, loss, metrics=list(metrics))
    return model


def binary(hidden=8, optimizer="adam"):
    return compiled(1, "sigmoid", "binary_crossentropy", hidden, optimizer)


def categorical():
    return compiled(3, "softmax", "categorical_crossentropy")


def regression(hidden=8):
    return compiled(1, None, "mse", hidden, metrics=())


def for_classes(X, y, hidden=8):  # noqa: N803
    return compiled(y.shape[1], "softmax", "categorical_crossentropy", hidden)


# --- Keras 1 and 2 ---------------------------------------------------------------------------------------------------
def test_classifier_with_one_output():
    pk.utils.set_random_seed(1)
    estimator = KerasClassifier(build_fn=binary, hidden=16, nb_epoch=25, batch_size=8, verbose=0)
    history = estimator.fit(X, TWO)
    assert len(history.epoch) == 25 and estimator.model.layers[0].units == 16
    assert estimator.classes_.tolist() == ["no", "yes"] and estimator.n_classes_ == 2
    found = estimator.predict(X)
    assert found.shape == (60, 1) and set(found.ravel()) <= {"no", "yes"}
    both = estimator.predict_proba(X)
    np.testing.assert_array_equal(both[:, 1:], estimator.model.predict(X, verbose=0))
    np.testing.assert_allclose(both.sum(axis=1), 1, rtol=1e-6)
    assert estimator.score(X, TWO) == pytest.approx((found.ravel() == TWO).mean(), abs=1e-6)
    assert estimator.score(X, TWO) > 0.8


@pytest.mark.parametrize("y", [THREE, THREE.reshape(-1, 1), np.eye(3)[THREE // 10]], ids=["flat", "column", "one-hot"])
def test_classifier_with_several_outputs(y):
    pk.utils.set_random_seed(1)
    estimator = KerasClassifier(categorical, epochs=30, batch_size=4, verbose=0)
    estimator.fit(X, y, epochs=31)
    assert len(estimator.model.history.epoch) == 31
    assert estimator.predict_proba(X).shape == (60, 3)
    assert estimator.classes_.tolist() == ([0, 1, 2] if y.shape[-1] == 3 else [0, 10, 20])
    expected = THREE // 10 if y.shape[-1] == 3 else THREE
    accuracy = (estimator.predict(X) == expected).mean()
    assert accuracy > 0.5
    assert estimator.score(X, y) == pytest.approx(accuracy, abs=1e-6)


def test_sample_weight_counts():
    one = KerasClassifier(binary, epochs=1, verbose=0)
    pk.utils.set_random_seed(1)
    plain = one.fit(X, TWO).history["loss"]
    pk.utils.set_random_seed(1)
    assert one.fit(X, TWO, sample_weight=np.full(60, 3.0)).history["loss"][0] == pytest.approx(3 * plain[0], rel=1e-5)


def test_regressor():
    pk.utils.set_random_seed(1)
    estimator = KerasRegressor(build_fn=regression, epochs=3, batch_size=16, verbose=0)
    estimator.fit(X, PRICE)
    assert estimator.predict(X).shape == (60,)
    error = ((estimator.predict(X) - PRICE) ** 2).mean()
    assert estimator.score(X, PRICE) == pytest.approx(-error, rel=1e-5)
    assert is_regressor(estimator) and is_classifier(KerasClassifier(binary))


def test_parameters():
    estimator = KerasClassifier(binary, hidden=4, verbose=0)
    assert estimator.get_params() == {"hidden": 4, "verbose": 0, "build_fn": binary}
    assert estimator.set_params(hidden=6, epochs=2) is estimator
    assert estimator.filter_sk_params(binary) == {"hidden": 6}
    assert estimator.filter_sk_params(Sequential.fit, {"epochs": 9}) == {"verbose": 0, "epochs": 9}
    twin = clone(estimator)
    assert twin is not estimator and twin.get_params() == estimator.get_params()
    assert KerasClassifier(binary, class_weight={0: 1.0}).get_params()["class_weight"] == {0: 1.0}
    with pytest.raises(ValueError, match="hiden is not a legal parameter"):
        KerasClassifier(binary, hiden=4)
    with pytest.raises(ValueError, match="layers is not a legal parameter"):
        estimator.set_params(layers=3)
    with pytest.raises(ValueError, match=r"Invalid shape for y: \(60, 2, 2\)"):
        estimator.fit(X, np.zeros((60, 2, 2)))
    no_metric = KerasClassifier(lambda: compiled(1, "sigmoid", "binary_crossentropy", metrics=()), verbose=0)
    no_metric.fit(X, TWO)
    with pytest.raises(ValueError, match="not configured to compute accuracy"):
        no_metric.score(X, TWO)


class Built(KerasClassifier):
    def __call__(self, hidden=3):
        return binary(hidden)


class Maker:
    def __call__(self, hidden=3):
        return binary(hidden)


def test_other_ways_to_build():
    for estimator in (Built(hidden=5, verbose=0), KerasClassifier(Maker(), hidden=5, verbose=0)):
        estimator.fit(X, TWO)
        assert estimator.model.layers[0].units == 5


def test_search_in_a_pipeline():
    """As the lessons have it: `GridSearchCV` over arguments of the function and of `fit`."""
    pipeline = make_pipeline(StandardScaler(), KerasClassifier(build_fn=binary, verbose=0))
    grid = {f"kerasclassifier__{name}": values for name, values in (("hidden", [2, 4]), ("epochs", [1]))}
    search = GridSearchCV(pipeline, grid, cv=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        search.fit(X, TWO)
    assert search.best_params_["kerasclassifier__hidden"] in (2, 4)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.predict(X).shape == (60, 1)
    scores = cross_val_score(KerasRegressor(regression, epochs=1, verbose=0), X, PRICE, cv=KFold(3))
    assert scores.shape == (3,) and (scores < 0).all()
    prices = make_pipeline(StandardScaler(), KerasRegressor(regression, epochs=1, verbose=0))
    with pytest.raises(NotFittedError):
        prices.predict(X)
    assert (cross_val_score(prices, X, PRICE, cv=KFold(2), error_score="raise") < 0).all()


def test_pickles():
    estimator = KerasClassifier(categorical, epochs=1, verbose=0)
    estimator.fit(X, THREE)
    for twin in (pickle.loads(pickle.dumps(estimator)), copy.deepcopy(estimator)):
        np.testing.assert_array_equal(twin.predict_proba(X), estimator.predict_proba(X))
        assert twin.get_params() == estimator.get_params()


SCRIPT = """
import keras
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from keras.wrappers.scikit_learn import KerasClassifier
from tensorflow.keras.wrappers.scikit_learn import KerasClassifier as Same
import numpy as np

def build(units=2):
    from tensorflow.keras.layers import Dense
    model = keras.models.Sequential()
    model.add(Dense(units, input_dim=3, init="uniform", activation="relu"))
    model.add(keras.layers.Dense(1, activation="sigmoid"))
    model.compile(loss="binary_crossentropy", optimizer="sgd", metrics=["accuracy"])
    return model

if __name__ == "__main__":
    assert Same is KerasClassifier
    x, y = np.random.rand(20, 3), np.arange(20) % 2
    grid = GridSearchCV(KerasClassifier(build_fn=build, nb_epoch=1, verbose=0), dict(units=[2, 3]), n_jobs=2, cv=2)
    print("found", grid.fit(x, y).best_params_["units"])
"""


def test_a_script_of_keras_2_searches_in_processes(tmp_path):
    """The processes are sent functions that import Keras: there too it is pykernels that answers."""
    (tmp_path / "search.py").write_text(SCRIPT)
    command = [sys.executable, "-m", "pykernels", "search.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert "found" in done.stdout, done.stderr


# --- Keras 3 ---------------------------------------------------------------------------------------------------------
def test_sklearn_classifier():
    pk.utils.set_random_seed(1)
    estimator = SKLearnClassifier(for_classes, model_kwargs={"hidden": 6}, fit_kwargs={"epochs": 40, "verbose": 0})
    assert estimator.fit(X, THREE, batch_size=8) is estimator
    assert estimator.epoch_ == 40 and estimator.model_.layers[0].units == 6 and estimator.n_features_in_ == 4
    assert estimator.classes_.tolist() == [0, 10, 20]
    assert estimator.decision_function(X).shape == (60, 3)
    assert estimator.score(X, THREE) == (estimator.predict(X) == THREE).mean() > 0.6
    assert estimator.fit_kwargs == {"epochs": 40, "verbose": 0}
    assert set(estimator.fit(X, TWO, epochs=1).predict(X)) <= {"yes", "no"}


def test_sklearn_regressor_and_warm_start():
    pk.utils.set_random_seed(1)
    model = regression()
    before = model.get_weights()
    estimator = SKLearnRegressor(model, fit_kwargs={"verbose": 0})
    estimator.fit(X, PRICE)
    assert estimator.model_ is not model and all(map(np.array_equal, model.get_weights(), before))
    assert estimator.predict(X).shape == (60,)
    assert estimator.fit(X, PRICE.reshape(-1, 1)).predict(X).shape == (60, 1)
    warm = SKLearnRegressor(model, warm_start=True, fit_kwargs={"verbose": 0}).fit(X, PRICE)
    assert warm.model_ is model and not np.array_equal(model.get_weights()[0], before[0])


def test_sklearn_transformer_in_a_pipeline():
    transformer = SKLearnTransformer(compiled(5, None, "mse", metrics=()), fit_kwargs={"verbose": 0})
    out = make_pipeline(StandardScaler(), transformer).fit_transform(X, np.zeros((60, 5)))
    assert out.shape == (60, 5)


def test_sklearn_estimators_clone_search_and_pickle():
    estimator = SKLearnClassifier(for_classes, fit_kwargs={"verbose": 0})
    twin = clone(estimator)
    assert twin.model is for_classes and twin.fit_kwargs == {"verbose": 0}
    search = GridSearchCV(estimator, {"model_kwargs": [{"hidden": 2}, {"hidden": 5}]}, cv=2).fit(X, TWO)
    assert search.best_params_["model_kwargs"]["hidden"] in (2, 5)
    again = pickle.loads(pickle.dumps(search.best_estimator_))
    np.testing.assert_array_equal(again.predict(X), search.predict(X))
    assert cross_val_score(estimator, X, THREE, cv=2).shape == (2,)


def test_sklearn_errors():
    with pytest.raises(NotFittedError):
        SKLearnRegressor(regression()).predict(X)
    with pytest.raises(RuntimeError, match="needs to be compiled"):
        SKLearnRegressor(Sequential([Input((4,)), Dense(1)])).fit(X, PRICE)
    with pytest.raises(ValueError, match="Only binary and multiclass"):
        SKLearnClassifier(for_classes).fit(X, PRICE + 0.5)
    with pytest.raises(ValueError, match="only one class"):
        SKLearnClassifier(for_classes).fit(X, np.zeros(60))
    with pytest.raises(ValueError, match=r"for each of the 3 classes.*\(60, 1\)"):
        one = SKLearnClassifier(lambda X, y: compiled(1, None, lambda t, p: (p - t[:, :1]) ** 2))  # noqa: N803
        one.fit(X, THREE, verbose=0).predict(X)


def test_without_scikit_learn(tmp_path):
    """The names are there; what fails is the use of one."""
    (tmp_path / "sklearn.py").write_text("raise ImportError('none here')")
    code = (
        "from pykernels.wrappers import SKLearnRegressor as a\n"
        "from pykernels.wrappers.scikit_learn import KerasClassifier as b\n"
        "for c in (a, b):\n    try: c(None)\n    except ImportError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.count("requires `scikit-learn` to be installed") == 2, done.stderr
