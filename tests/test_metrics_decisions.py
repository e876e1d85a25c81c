"""Confusion counts, curves, F-scores, intersection over union and agreement beside Keras, over uneven batches."""

from __future__ import annotations

import importlib.util
import re

import numpy as np
import pytest
from metric_cases import CASES, DATA, ERRORS, FUNCTIONS, IDS, NAMES, X, ask_keras, batches, weights_for

from pykernels import layers, metrics, models, ops, utils
from pykernels.graph import Trace, gradients


@pytest.fixture(scope="module")
def of_keras():
    if importlib.util.find_spec("keras") is None:
        pytest.skip("Keras is not installed")
    return ask_keras()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("case", range(len(CASES)), ids=lambda i: f"{CASES[i][0]}-{i}")
def test_as_keras(of_keras, case, weighted):
    """1e-6: sums of a few weights near 1, in another order."""
    name, options, kind = CASES[case]
    want, shapes, config = of_keras["results"][2 * case + weighted]
    ours = getattr(metrics, name)(**options)
    for y, x in batches(kind):
        ours.update_state(y, x, **({"sample_weight": weights_for(name, y)} if weighted else {}))
    assert np.asarray(ours.result()).shape == np.shape(want)
    np.testing.assert_allclose(ours.result(), want, rtol=1e-6, atol=1e-6)
    assert [list(v.shape) for v in ours.variables] == shapes
    assert {**config, "dtype": ours.dtype, "name": ours.name} == {
        k: list(v) if isinstance(v, tuple) else v for k, v in ours.get_config().items()
    }
    assert type(metrics.get(metrics.serialize(ours))) is type(ours)


@pytest.mark.parametrize(("name", "options", "kind"), CASES)
def test_in_a_program(name, options, kind):
    """A program's updates and results have the bits of the same calls on arrays, and so has a copy."""
    traced, immediate = getattr(metrics, name)(**options), getattr(metrics, name)(**options)
    copied = type(traced).from_config(traced.get_config())
    y, x = next(batches(kind))
    weight = weights_for(name, y)
    with Trace() as trace:
        placed = [trace.placeholder(a.shape, str(a.dtype), n) for n, a in (("y", y), ("x", x), ("w", weight))]
        traced.update_state(*placed[:2], sample_weight=placed[2])
        result = traced.result()
    program = trace.build(outputs=[result])
    for times in (1, 2):
        (value,) = program.run([y, x, weight])
        for metric in (immediate, copied) if times == 1 else (immediate,):
            metric.update_state(y, x, weight)
        np.testing.assert_array_equal(value, immediate.result())
    copied.merge_state([copied])
    np.testing.assert_array_equal(copied.result(), value)
    traced.reset_state()
    assert all(not v.numpy().any() for v in traced.variables)


def test_merge_wants_the_same_variables():
    with pytest.raises(ValueError, match="not compatible"):
        metrics.Precision().merge_state([metrics.Precision(thresholds=[0.2, 0.4])])


def test_label_weights_as_files_of_keras_have_them():
    array = {"class_name": "__tensor__", "config": {"value": [1.0, 2.0, 0.0, 3.0], "dtype": "float32"}}
    config = {**metrics.AUC(multi_label=True).get_config(), "label_weights": array}
    made = metrics.deserialize({"module": "keras.metrics", "class_name": "AUC", "config": config})
    assert made.get_config()["label_weights"] == [1.0, 2.0, 0.0, 3.0]


def test_many_predictions_are_counted_exactly_in_pieces():
    """More than the kernel takes at once, against NumPy in float64; the tail of a pass is shorter."""
    rng = np.random.default_rng(0)
    y, x = rng.integers(0, 2, (300_001, 1)), rng.uniform(size=(300_001, 1)).astype("float32")
    at = [0.1, 0.25, 0.9]
    counts = metrics.TruePositives(thresholds=at), metrics.FalsePositives(thresholds=at)
    for metric, kind in zip(counts, (1, 0), strict=True):
        metric.update_state(y, x)
        np.testing.assert_array_equal(metric.result(), [np.sum((y == kind) & (x > np.float32(t))) for t in at])


def test_nan_exceeds_no_threshold():
    y, x = np.ones((3, 1)), np.array([[np.nan], [0.2], [1.5]], "float32")
    for thresholds in ([0.0, 0.5, 1.0], [0.1, 0.5], [*np.linspace(0, 0.9, 20)]):
        metric = metrics.FalseNegatives(thresholds=thresholds)
        metric.update_state(y, x)
        assert metric.result()[0] == 1
    metric = metrics.AUC(num_thresholds=5)  # the first threshold is below 0
    metric.update_state(y[:2], x[:2])
    np.testing.assert_array_equal(metric.false_negatives, [1, 2, 2, 2, 2])


@pytest.mark.parametrize("case", range(len(ERRORS)))
def test_errors(of_keras, case):
    bad, message = ERRORS[case]
    with pytest.raises(ValueError, match=message) as error:
        bad(metrics)
    assert of_keras["raised"][case] is not None
    kind, text = of_keras["raised"][case]
    assert kind == type(error.value).__name__ and re.search(message, text)


def test_targets_of_another_shape():
    with pytest.raises(ValueError, match="to_categorical"):
        metrics.Precision().update_state([0, 1, 2], np.ones((3, 4)))
    with pytest.raises(ValueError, match="sparse_y_pred"):
        metrics.MeanIoU(4).update_state([0, 1, 2], np.ones((3, 4)))


def test_few_samples_leave_r2_unadjusted():
    for rows in (2, 3):
        y, x = np.arange(rows, dtype="float32")[:, None], np.arange(rows, dtype="float32")[:, None] + 1
        metric = metrics.R2Score(num_regressors=2)
        metric.update_state(y, x)
        with pytest.warns(UserWarning, match="Falling back to standard R2"):
            adjusted = metric.result()
        assert adjusted == metrics.R2Score()(y, x)


def test_fractional_weights_of_integer_counts_are_told():
    with pytest.warns(UserWarning, match="Consider using integer weights"):
        metrics.MeanIoU(2).update_state([0, 1], [0, 1], sample_weight=np.array([0.5, 1.0]))


# --- in a model --------------------------------------------------------------------------------------------
def test_fit_and_evaluate_use_them_for_several_outputs(tmp_path):
    """The values of `evaluate` over batches of 8, 8 and 4, weighted and not, are those of the metrics themselves."""
    utils.set_random_seed(0)
    inputs = layers.Input((3,))
    hidden = layers.Dense(4)(inputs)
    outputs = {
        "one": layers.Dense(1, activation="sigmoid", name="one")(hidden),
        "many": layers.Dense(4, activation="softmax", name="many")(hidden),
    }
    model = models.Model(inputs, outputs)
    model.compile(
        "sgd",
        {"one": "binary_crossentropy", "many": "categorical_crossentropy"},
        metrics={"one": ["AUC", "Precision"], "many": metrics.F1Score()},
        weighted_metrics={"many": [metrics.Recall(class_id=2), metrics.R2Score(), metrics.AUC(multi_label=True)]},
    )
    rng = np.random.default_rng(1)
    x, weight = rng.normal(size=(20, 3)).astype("float32"), rng.uniform(0.1, 2, 20).astype("float32")
    y = {"one": rng.integers(0, 2, (20, 1)), "many": np.eye(4)[rng.integers(0, 4, 20)]}
    weights = {"one": np.ones(20), "many": weight}
    history = model.fit(x, y, batch_size=8, epochs=2, sample_weight=weights, verbose=2).history
    assert np.shape(history["many_f1_score"]) == (2, 4)
    results = model.evaluate(x, y, batch_size=8, sample_weight=weights, verbose=0, return_dict=True)
    p = model.predict(x, verbose=0)
    want = {
        "one_AUC": metrics.AUC()(y["one"], p["one"]),
        "one_Precision": metrics.Precision()(y["one"], p["one"]),
        "many_f1_score": metrics.F1Score()(y["many"], p["many"]),
        "many_recall": metrics.Recall(class_id=2)(y["many"], p["many"], weight),
        "many_r2_score": metrics.R2Score()(y["many"], p["many"], weight),
        "many_auc": metrics.AUC(multi_label=True)(y["many"], p["many"], weight),
    }
    assert {name.rstrip("_0123456789") for name in results} >= {name.rstrip("_0123456789") for name in want}
    for name, value in want.items():
        (got,) = [v for key, v in results.items() if key == name or key.rstrip("_0123456789") == name]
        np.testing.assert_allclose(got, value, rtol=1e-5, err_msg=name)
    model.save(tmp_path / "model.keras")
    again = models.load_model(tmp_path / "model.keras")
    same = again.evaluate(x, y, batch_size=8, sample_weight=weights, verbose=0, return_dict=True)
    for name, value in results.items():
        np.testing.assert_array_equal(same[name], value, err_msg=name)


@pytest.mark.parametrize("name", NAMES.split())
def test_names(of_keras, name):
    assert type(metrics.get(name)).__name__ == of_keras["names"][name]


@pytest.mark.parametrize("name", FUNCTIONS.split())
def test_functions(of_keras, name):
    y, x = next(batches("one_hot"))
    np.testing.assert_allclose(getattr(metrics, name)(y, x), of_keras["functions"][name], rtol=1e-5, atol=1e-6)


def test_functions_of_keras_1():
    """By hand, for 4 true positives, 1 false positive, 2 false negatives and 3 true negatives."""
    y = np.array([1] * 6 + [0] * 4)
    x = np.array([0.9] * 4 + [0.2] * 2 + [0.6] + [0.5] * 3)  # 0.5 is rounded to 0
    p, r = 4 / 5, 4 / 6
    want = {"precision": p, "recall": r, "fmeasure": 2 * p * r / (p + r), "fbeta_score": 2 * p * r / (p + r)}
    want["matthews_correlation"] = (4 * 3 - 1 * 2) / np.sqrt(5 * 6 * 4 * 5)
    for name, value in want.items():
        assert float(getattr(metrics, name)(y, x)) == pytest.approx(value, rel=1e-6), name
    assert float(metrics.fbeta_score(y, x, beta=2)) == pytest.approx(5 * p * r / (4 * p + r), rel=1e-6)
    with pytest.raises(ValueError, match="beta"):
        metrics.fbeta_score(y, x, beta=-1)
    assert float(metrics.fmeasure(np.zeros(3), np.zeros(3))) == 0


def test_names_of_keras_1_and_2(of_keras):
    classes = {"kld": "KLDivergence", "cosine_proximity": "CosineSimilarity", "logcosh": "LogCoshError"}
    for name, cls in {**classes, "precision": "Precision", "kullback_leibler_divergence": "KLDivergence"}.items():
        assert type(metrics.get(name)).__name__ == cls
    assert metrics.get("fmeasure") is metrics.fmeasure and metrics.cosine_proximity is metrics.cosine_similarity
    wrapped = metrics.MeanMetricWrapper(metrics.kl_divergence)
    assert metrics.deserialize(metrics.serialize(wrapped))._fn is metrics.kl_divergence


# --- the ops -----------------------------------------------------------------------------------------------
def test_top_k_and_segment_sum(of_keras):
    for ours, theirs in zip(ops.top_k(X, 3), of_keras["top_k"], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    values, index = ops.top_k(np.array([[1, np.nan, 2, 2]], "float32"), 3)  # NaN first, ties in order, as on JAX
    assert np.isnan(values[0, 0]) and index.tolist() == [[1, 2, 3]]
    np.testing.assert_array_equal(ops.segment_sum(DATA, np.maximum(IDS, 0), 4), of_keras["segment_sum"])
    assert ops.segment_sum(DATA, IDS).shape == (4, 2) and ops.segment_sum(DATA, IDS).dtype == np.int32
    np.testing.assert_array_equal(ops.segment_sum(DATA, IDS, 3), [[2, 3], [0, 0], [6, 8]])  # -1 and 3 are outside
    for bad in (lambda: ops.top_k(X, 5), lambda: ops.segment_sum(DATA, IDS[:3], 3)):
        with pytest.raises(ValueError, match=r"Received: (k=5|segment_ids)"):
            bad()


def test_gradients_of_top_k_and_segment_sum():
    x = np.array([[3, 1, 2, 2], [5, 8, 7, 7]], "float64")
    with Trace() as trace:
        t = trace.placeholder(x.shape, "float64", "x")
        chosen = ops.sum(ops.top_k(t, 2)[0] * np.array([[1.0, 10.0], [100.0, 1000.0]]))
        summed = ops.sum(ops.segment_sum(t, np.array([1, -1]), 2) * np.array([[1.0], [5.0]]))
        found = [*gradients(chosen, [t]), *gradients(summed, [t])]
    first, second = trace.build(outputs=found).run([x])
    np.testing.assert_array_equal(first, [[1, 0, 10, 0], [0, 100, 1000, 0]])
    np.testing.assert_array_equal(second, [[5] * 4, [0] * 4])
