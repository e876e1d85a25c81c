"""Metrics, their arguments and data, and what Keras makes of them: computed by its NumPy backend in a process of its
own, where nothing has to be compiled (JAX takes seconds for each)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

ROWS = (7, 5)


def batches(kind):
    """Targets and predictions of a kind, for each of `ROWS`."""
    rng = np.random.default_rng(3)
    for n in ROWS:
        if kind == "binary":
            yield rng.integers(0, 2, (n, 1)).astype("float32"), rng.uniform(size=(n, 1)).astype("float32")
        elif kind == "flat":
            yield rng.integers(0, 2, n).astype("int32"), rng.uniform(size=(n, 1)).astype("float32")
        elif kind == "tenths":  # predictions that are thresholds, 0 and 1 among them
            yield rng.integers(0, 2, (n, 4)).astype("float32"), (rng.integers(0, 11, (n, 4)) / 10).astype("float32")
        elif kind == "labels":
            yield rng.integers(0, 2, (n, 4)).astype("float32"), rng.uniform(size=(n, 4)).astype("float32")
        elif kind == "logits":
            yield rng.integers(0, 2, (n, 4)).astype("float32"), rng.normal(size=(n, 4)).astype("float32")
        elif kind == "one_hot":
            classes = rng.integers(0, 4, n)
            yield np.eye(4, dtype="float32")[classes], rng.dirichlet(np.ones(4), n).astype("float32")
        elif kind == "scores":  # a class that does not exist among the targets
            yield rng.integers(0, 5, n).astype("int32"), rng.dirichlet(np.ones(4), n).astype("float32")
        elif kind == "pixels":
            yield rng.integers(-1, 5, (n, 2, 2)).astype("int32"), rng.integers(-1, 5, (n, 2, 2)).astype("int32")
        elif kind == "column":
            yield rng.normal(size=n).astype("float32"), rng.normal(size=(n, 1)).astype("float32")
        else:
            yield rng.normal(size=(n, 4)).astype("float32"), rng.normal(size=(n, 4)).astype("float32")


CASES = [
    ("TruePositives", {}, "binary"),
    ("TruePositives", {"thresholds": [0.9, 0.1, 0.4]}, "labels"),
    ("FalsePositives", {"thresholds": [0.0, 0.5, 1.0]}, "tenths"),
    ("TrueNegatives", {"thresholds": 0.3}, "flat"),
    ("FalseNegatives", {"thresholds": [0.2, 0.7]}, "tenths"),
    ("Precision", {}, "flat"),
    ("Precision", {"thresholds": [0.2, 0.7]}, "labels"),
    ("Precision", {"top_k": 2, "class_id": 2}, "one_hot"),
    ("Recall", {}, "binary"),
    ("Recall", {"top_k": 1, "thresholds": 0.3}, "one_hot"),
    ("Recall", {"class_id": 1}, "one_hot"),
    ("AUC", {}, "binary"),
    ("AUC", {"num_thresholds": 11}, "tenths"),
    ("AUC", {"curve": "PR"}, "labels"),
    ("AUC", {"curve": "PR", "summation_method": "minoring"}, "labels"),
    ("AUC", {"curve": "pr", "summation_method": "majoring"}, "labels"),
    ("AUC", {"curve": "PRGAIN"}, "labels"),
    ("AUC", {"curve": "ROC", "summation_method": "minoring"}, "labels"),
    ("AUC", {"summation_method": "majoring"}, "labels"),
    ("AUC", {"thresholds": [0.6, 0.3, 0.35]}, "binary"),
    ("AUC", {"thresholds": [0.25, 0.5, 0.75]}, "labels"),
    ("AUC", {"multi_label": True}, "labels"),
    ("AUC", {"multi_label": True, "label_weights": [1.0, 2.0, 0.0, 3.0], "curve": "PR", "num_labels": 4}, "labels"),
    ("AUC", {"label_weights": [1.0, 2.0, 0.0, 3.0]}, "labels"),
    ("AUC", {"from_logits": True}, "logits"),
    ("SensitivityAtSpecificity", {"specificity": 0.4}, "binary"),
    ("SpecificityAtSensitivity", {"sensitivity": 0.6, "num_thresholds": 1}, "binary"),
    ("PrecisionAtRecall", {"recall": 0.3, "class_id": 1}, "one_hot"),
    ("RecallAtPrecision", {"precision": 0.4}, "labels"),
    ("FBetaScore", {"beta": 2.0, "threshold": 0.4}, "labels"),
    ("FBetaScore", {"average": "micro"}, "one_hot"),
    ("F1Score", {"average": "macro"}, "one_hot"),
    ("F1Score", {"average": "weighted"}, "labels"),
    ("IoU", {"num_classes": 4, "target_class_ids": [0, 2]}, "pixels"),
    ("MeanIoU", {"num_classes": 4, "ignore_class": 1}, "pixels"),
    ("MeanIoU", {"num_classes": 4, "sparse_y_pred": False}, "scores"),
    ("BinaryIoU", {"threshold": 0.3}, "labels"),
    ("OneHotIoU", {"num_classes": 4, "target_class_ids": [1]}, "one_hot"),
    ("OneHotMeanIoU", {"num_classes": 4, "dtype": "float32"}, "one_hot"),
    ("CosineSimilarity", {}, "regression"),
    ("PearsonCorrelation", {}, "regression"),
    ("ConcordanceCorrelation", {}, "regression"),
    ("R2Score", {}, "column"),
    ("MeanAbsolutePercentageError", {}, "regression"),
    ("MeanSquaredLogarithmicError", {}, "labels"),
    ("LogCoshError", {}, "regression"),
    ("Hinge", {}, "labels"),
    ("SquaredHinge", {}, "regression"),
    ("CategoricalHinge", {}, "one_hot"),
    ("KLDivergence", {}, "one_hot"),
    ("Poisson", {}, "labels"),
    ("R2Score", {"class_aggregation": None}, "regression"),
    ("R2Score", {"class_aggregation": "variance_weighted_average", "num_regressors": 2}, "regression"),
]


def weights_for(name, target):
    rng = np.random.default_rng(7)
    if "IoU" in name:
        return rng.integers(0, 3, target.shape if "OneHot" not in name else len(target))
    return rng.uniform(0.2, 2, len(target)).astype("float32")


ERRORS = [
    (lambda m: m.Precision(thresholds=[0.2, 1.5]), r"Threshold values must be in \[0, 1\]"),
    (lambda m: m.AUC(curve="PQ"), "Invalid AUC curve value"),
    (lambda m: m.AUC(summation_method="left"), "Invalid AUC summation method"),
    (lambda m: m.AUC(num_thresholds=1), "num_thresholds"),
    (lambda m: m.AUC(num_labels=3), "num_labels"),
    (lambda m: m.AUC(multi_label=True).update_state(np.ones(2), np.ones(2)), "rank 2"),
    (lambda m: m.PrecisionAtRecall(1.2), "recall"),
    (lambda m: m.RecallAtPrecision(0.2, num_thresholds=0), "num_thresholds"),
    (lambda m: m.Recall(class_id=1).update_state([1, 0], [0.2, 0.3]), "class_id"),
    (lambda m: m.FBetaScore(average="mean"), "average"),
    (lambda m: m.FBetaScore(beta=1), "beta"),
    (lambda m: m.FBetaScore(beta=-1.0), "beta"),
    (lambda m: m.F1Score(threshold=1), "threshold"),
    (lambda m: m.F1Score(threshold=1.5), "threshold"),
    (lambda m: m.F1Score().update_state([1, 0], [0.2, 0.3]), "2D inputs"),
    (lambda m: m.IoU(3, [3]), "out of range"),
    (lambda m: m.R2Score("sum"), "class_aggregation"),
    (lambda m: m.R2Score(num_regressors=-1), "num_regressors"),
    (lambda m: m.R2Score().update_state(np.ones((2, 2, 2)), np.ones((2, 2, 2))), "2D inputs"),
]


NAMES = """
    AUC auc Precision precision recall TruePositives CosineSimilarity cosine_similarity binary_io_u F1Score f1_score
    hinge MAPE msle poisson kl_divergence log_cosh_error categorical_hinge
"""

FUNCTIONS = """
    binary_focal_crossentropy categorical_focal_crossentropy categorical_hinge concordance_correlation hinge huber
    kl_divergence log_cosh mean_absolute_percentage_error mean_squared_logarithmic_error pearson_correlation poisson
    squared_hinge
"""

X = np.array([[3, 1, 0, 2], [5, 4, 7, 6]], "float32")
DATA, IDS = np.arange(10, dtype="int32").reshape(5, 2), np.array([2, 0, -1, 2, 3], "int32")


def plain(value):
    return np.asarray(value).tolist()


def keras_configuration(metric) -> dict:
    return {k: plain(v) if k == "label_weights" and v is not None else v for k, v in metric.get_config().items()}


def found_by_keras() -> dict:
    """What Keras gives for each case, for the errors, the names and the ops."""
    import keras

    assert keras.backend.backend() == "numpy"
    results = []
    for name, options, kind in CASES:
        for weighted in (False, True):
            metric = getattr(keras.metrics, name)(**options)
            for y, x in batches(kind):
                metric.update_state(y, x, **({"sample_weight": weights_for(name, y)} if weighted else {}))
            shapes = [list(v.shape) for v in metric.variables]
            results.append([plain(metric.result()), shapes, keras_configuration(metric)])
    raised = []
    for bad, _ in ERRORS:
        try:
            bad(keras.metrics)
            raised.append(None)
        except Exception as error:
            raised.append([type(error).__name__, str(error)])
    return {
        "results": results,
        "raised": raised,
        "names": {name: type(keras.metrics.get(name)).__name__ for name in NAMES.split()},
        "functions": {
            name: plain(getattr(keras.metrics, name)(*next(batches("one_hot")))) for name in FUNCTIONS.split()
        },
        "top_k": [plain(part) for part in keras.ops.top_k(X, 3)],
        "segment_sum": plain(keras.ops.segment_sum(DATA, np.maximum(IDS, 0), 4)),
    }


def ask_keras() -> dict:
    """`found_by_keras()` of a process whose Keras computes with NumPy."""
    environment = {**os.environ, "KERAS_BACKEND": "numpy"}
    answer = subprocess.run([sys.executable, Path(__file__)], env=environment, capture_output=True, check=True)
    return json.loads(answer.stdout)


if __name__ == "__main__":
    print(json.dumps(found_by_keras()))
