"""Bad input: the type that Keras raises, and a message that names what was expected, what came, and the fix."""

import numpy as np
import pytest

from pykernels import layers, losses, models


def x_of(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


X = x_of(20, 4)


def classifier(loss="sparse_categorical_crossentropy", classes=3, activation="softmax", **options):
    model = models.Sequential([layers.Dense(classes, activation=activation, input_dim=4, name="last")])
    model.compile("sgd", loss, **options)
    return model


LABELS = np.arange(20) % 3


@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch", "test_on_batch"])
def test_not_compiled(method):
    model = models.Sequential([layers.Dense(3, input_dim=4)])
    with pytest.raises(ValueError, match=r"You must call `compile\(\)` before using the model"):
        getattr(model, method)(X, LABELS)


@pytest.mark.parametrize("method", ["fit", "evaluate", "predict", "train_on_batch", "predict_on_batch"])
def test_wrong_number_of_features(method):
    args = (x_of(20, 5),) if "predict" in method else (x_of(20, 5), LABELS)
    with pytest.raises(ValueError, match=r"expected shape=\(None, 4\), found shape=\(20, 5\).*built for 4 features"):
        getattr(classifier(), method)(*args)


@pytest.mark.parametrize(
    ("shape", "fix"),
    [((20, 2, 2), r"x.reshape\(\(-1, 4\)\), or put Flatten"), ((4,), r"pass x\[None\]"), ((20, 7, 7), "incompatible")],
)
def test_wrong_input_shape(shape, fix):
    with pytest.raises(ValueError, match=fix):
        classifier().predict(x_of(*shape), verbose=0)
    with pytest.raises(ValueError, match=fix):
        classifier()(x_of(*shape))


def one_hot(n):
    return np.eye(n)[np.arange(20) % n]


@pytest.mark.parametrize(
    ("loss", "y", "message"),
    [
        ("sparse_categorical_crossentropy", one_hot(3), "one-hot: use loss='categorical_crossentropy'"),
        ("sparse_categorical_crossentropy", x_of(20, 2), "one class number per prediction"),
        ("categorical_crossentropy", LABELS, "sparse_categorical_crossentropy.*to_categorical"),
        ("categorical_crossentropy", LABELS[:, None], "sparse_categorical_crossentropy"),
        ("categorical_crossentropy", one_hot(5), r"make the last layer Dense\(5\)"),
        ("binary_crossentropy", LABELS, "softmax output"),
        ("mse", one_hot(2), r"last layer 'last' gives \(batch, 3\).*Dense\(2\)"),
        ("mae", LABELS, r"Dense\(1\)"),
        (losses.CategoricalCrossentropy(), LABELS, "must have the same shape"),
    ],
)
def test_targets_of_the_wrong_shape(loss, y, message):
    for method in ("fit", "evaluate"):
        with pytest.raises(ValueError, match=message):
            getattr(classifier(loss), method)(X, y, verbose=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda y: y + 1, r"label 3, but the last layer 'last' has 3 outputs.*0 to 2.*Dense\(4\), or subtract 1"),
        (lambda y: y + 5, r"label 7, .*Dense\(8\)"),
        (lambda y: y - 1, r"label -1, .*Class numbers start at 0"),
        (lambda y: (y + 1).astype("float32"), "label 3"),
    ],
)
def test_labels_out_of_range(change, message):
    with pytest.raises(ValueError, match=message):
        classifier().fit(X, change(LABELS), verbose=0)
    with pytest.raises(ValueError, match="validation y"):
        classifier().fit(X, LABELS, validation_data=(X, change(LABELS)), verbose=0)


def test_nan_in_targets():
    y = x_of(20, 3)
    y[7, 1] = np.nan
    with pytest.raises(ValueError, match=r"`y` contains NaN \(the first in row 7\).*np.isnan"):
        classifier("mse", activation=None).fit(X, y, verbose=0)


def test_empty():
    with pytest.raises(ValueError, match=r"`x` is empty: its shape is \(0, 4\)"):
        classifier().fit(X[:0], LABELS[:0], verbose=0)
    assert classifier().predict(X[:0], verbose=0).shape[0] == 0
    with pytest.raises(ValueError, match="empty"):
        classifier().fit([], [], verbose=0)
    with pytest.raises(ValueError, match="yields no batch"):
        classifier().fit(iter(()), verbose=0)
    with pytest.raises(ValueError, match="`x` is None"):
        classifier().fit(None, LABELS)


def test_dtypes():
    text = np.array([["1", "2", "3", "4"]] * 20)
    with pytest.raises(ValueError, match=r"Invalid dtype: <U1. `x` must hold numbers.*x.astype\('float32'\)"):
        classifier().fit(text, LABELS, verbose=0)
    with pytest.raises(ValueError, match=r"`y` must hold numbers.*text.*np.unique\(labels, return_inverse=True\)"):
        classifier().fit(X, np.array(["cat"] * 20), verbose=0)
    with pytest.raises(ValueError, match=r"Invalid dtype: object.*Python objects"):
        classifier().fit(X.astype(object), LABELS, verbose=0)
    ragged = np.empty(2, object)
    ragged[:] = [[1.0], [1.0, 2.0]]
    with pytest.raises(ValueError, match="different shapes"):
        classifier().fit(ragged, LABELS[:2], verbose=0)
    with pytest.raises(ValueError, match="cannot be made into one array"):
        classifier().fit([[1.0], [1.0, 2.0]], LABELS[:2], verbose=0)
    with pytest.raises(ValueError, match="complex"):
        classifier().predict(X.astype(complex), verbose=0)


def test_lengths():
    with pytest.raises(ValueError, match=r"Data cardinality is ambiguous.*'x' sizes: 20\n'y' sizes: 19"):
        classifier().fit(X, LABELS[:19], verbose=0)
    with pytest.raises(ValueError, match="'sample_weight' sizes: 3"):
        classifier().fit(X, LABELS, sample_weight=np.ones(3), verbose=0)


@pytest.mark.parametrize("split", [1.5, -0.1, 1.0, "half"])
def test_validation_split_is_a_share(split):
    with pytest.raises(ValueError, match=r"`validation_split` must be a share between 0 and 1.*Received"):
        classifier().fit(X, LABELS, validation_split=split, verbose=0)


def test_validation_split_needs_arrays_and_samples():
    with pytest.raises(ValueError, match="only supported for tensors or NumPy arrays"):
        classifier().fit(iter([(X, LABELS)]), validation_split=0.1, verbose=0)
    with pytest.raises(ValueError, match="contains 1 samples, which is not sufficient"):
        classifier().fit(X[:1], LABELS[:1], validation_split=0.1, verbose=0)


def test_validation_split_without_a_class_warns():
    y = np.sort(LABELS)
    with pytest.warns(UserWarning, match="takes the last samples.*class 2 is missing from the training part.*Shuffle"):
        classifier().fit(X, y, validation_split=0.4, verbose=0)
    with pytest.warns(UserWarning, match="class 0, 1 is missing from the validation part"):
        classifier("categorical_crossentropy").fit(X, np.eye(3)[y], validation_split=0.2, verbose=0)


def test_binary_crossentropy_on_softmax_warns():
    with pytest.warns(UserWarning, match="softmax over 3 classes .layer 'last'.*categorical_crossentropy"):
        classifier("binary_crossentropy").fit(X, one_hot(3), verbose=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "categorical crossentropy"}, "categorical_crossentropy"),
        ({"loss": "sparse_categorical_crosentropy"}, "sparse_categorical_crossentropy"),
        ({"loss": "mse", "optimizer": "adamm"}, "(?i)adam"),
        ({"loss": "mse", "metrics": ["acuracy"]}, "accuracy"),
        ({"loss": "mse", "metrics": 3}, "Expected `metrics` argument to be a list, tuple, or dict"),
        ({"loss": {"foo": "mse"}}, r"Expected keys \['last'\] in loss dict, but found"),
        ({"loss": ["mse", "mae"]}, "1 output"),
        ({"loss": "mse", "optimizer": None}, "needs an optimizer"),
    ],
)
def test_compile_errors(options, message):
    model = models.Sequential([layers.Dense(3, input_dim=4, name="last")])
    with pytest.raises(ValueError, match=message):
        model.compile(**{"optimizer": "sgd", **options})


@pytest.mark.parametrize(
    ("options", "message", "error"),
    [
        ({"foo": 3}, "unexpected keyword argument 'foo'", TypeError),
        ({"batch_size": 0}, "`batch_size` must be a positive integer", ValueError),
        ({"batch_size": 2.5}, "`batch_size`", ValueError),
        ({"verbose": 7}, "`verbose` must be", ValueError),
        ({"steps_per_epoch": -1}, "`steps_per_epoch` must be a positive number", ValueError),
        ({"class_weight": [1, 2]}, r"dict\(enumerate\(weights\)\)", ValueError),
        ({"class_weight": {0: 1}, "sample_weight": np.ones(20)}, "at the same time", ValueError),
        (
            {"validation_freq": "often", "validation_data": (X, LABELS)},
            "`validation_freq` to be a list or int",
            ValueError,
        ),
        ({"epochs": 2, "nb_epoch": 3}, "nb_epoch", TypeError),
    ],
)
def test_fit_arguments(options, message, error):
    with pytest.raises(error, match=message):
        classifier().fit(X, LABELS, **{"verbose": 0, **options})


def test_data_of_the_wrong_kind():
    with pytest.raises(ValueError, match="Unrecognized data type: x=abc"):
        classifier().fit("abc")
    with pytest.raises(ValueError, match="`y` should not be passed"):
        classifier().fit(iter([(X, LABELS)]), LABELS)
    with pytest.raises(ValueError, match="no targets were given"):
        classifier().fit(X, verbose=0)
    with pytest.raises(ValueError, match="No loss to compute"):
        classifier(None).fit(X, LABELS, verbose=0)
    with pytest.raises(ValueError, match=r"found? ?|length 4"):
        classifier().fit(iter([(X, LABELS, None, None)]), verbose=0)


def test_missing_named_inputs():
    a, b = layers.Input((4,), name="a"), layers.Input((4,), name="b")
    model = models.Model([a, b], layers.Dense(1)(a + b))
    with pytest.raises(ValueError, match='Missing data for input "b"'):
        model.predict({"a": X}, verbose=0)
    with pytest.raises(ValueError, match=r"expects 2 input\(s\)"):
        model.predict([X], verbose=0)
    with pytest.raises(ValueError, match=r"expects 2 input\(s\)"):
        model.predict(X, verbose=0)
