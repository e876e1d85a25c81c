"""Intersection over union of classes, from a confusion matrix that is kept over all batches."""

from __future__ import annotations

from .. import config, ops
from ..user_warning import warn
from .metric import Metric


class _Matrix(Metric):
    """A metric that counts pairs of target and predicted class in `total_cm` (C, C)."""

    _direction = "up"

    def __init__(self, num_classes, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis):
        super().__init__(name=name, dtype=dtype or "int32")
        self.num_classes = num_classes
        self.ignore_class = ignore_class
        self.sparse_y_true = sparse_y_true
        self.sparse_y_pred = sparse_y_pred
        self.axis = axis
        self.total_cm = self.add_variable(
            (num_classes, num_classes), "zeros", self.dtype, name="total_confusion_matrix"
        )

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch. Class numbers outside [0, num_classes) do not count.

        Args:
            y_true, y_pred: class numbers of any shape; scores with the classes along `axis` where `sparse_y_true` or
                `sparse_y_pred` is False.
            sample_weight: a weight for each class number, or one for all. They are made into the metric's dtype, which
                is an integer by default. Default None.
        """
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        if not self.sparse_y_true:
            y_true = ops.argmax(y_true, axis=self.axis)
        if not self.sparse_y_pred:
            y_pred = ops.argmax(y_pred, axis=self.axis)
        y_true = ops.reshape(ops.cast(y_true, "int32"), (-1,))
        y_pred = ops.reshape(ops.cast(y_pred, "int32"), (-1,))
        if tuple(y_true.shape) != tuple(y_pred.shape):
            raise ValueError(
                f"{type(self).__name__} '{self.name}' compares class numbers: y_true has {y_true.shape[0]}, y_pred "
                f"{y_pred.shape[0]} of them. Scores need sparse_y_pred=False (one-hot targets sparse_y_true=False)."
            )
        n = self.num_classes
        counted = ops.logical_and(ops.greater_equal(y_pred, 0), ops.less(y_pred, n))  # other targets have no cell
        if self.ignore_class is not None:
            counted = ops.logical_and(counted, ops.not_equal(y_true, self.ignore_class))
        cells = ops.where(counted, y_true * n + y_pred, -1)
        counts = ops.segment_sum(self._weights(sample_weight, tuple(y_true.shape)), cells, n * n)
        self.total_cm.assign_add(ops.cast(ops.reshape(counts, (n, n)), self.dtype))

    def _weights(self, sample_weight, shape):
        """A float64 for each pair: sums of whole numbers stay exact."""
        if sample_weight is None:
            return ops.ones(shape, dtype="float64")
        weight = ops.convert_to_tensor(sample_weight)
        if "float" in ops.dtype(weight) and "int" in self.dtype:
            warn(
                "You are passing weight as `float`, but dtype is `int`. This may result in an incorrect weight due to "
                "type casting Consider using integer weights."
            )
        weight = ops.cast(ops.cast(weight, self.dtype), "float64")
        if len(weight.shape) > 1:
            weight = ops.reshape(weight, (-1,))
        if len(weight.shape) == 1 and weight.shape[0] not in (1, shape[0]) and shape[0] % (weight.shape[0] or 1) == 0:
            weight = ops.reshape(weight, (-1, 1)) * ops.ones((1, shape[0] // weight.shape[0]), dtype="float64")
            return ops.reshape(weight, shape)  # a weight per sample, for all class numbers in it
        return ops.broadcast_to(weight, shape)


class IoU(_Matrix):
    """Intersection over union: true positives / (true positives + false positives + false negatives), the mean over
    classes.

    Args:
        num_classes: int.
        target_class_ids: list of ints, the classes whose mean is the result. Classes that never occur are left out.
        name: str, the name in logs and results. Default None: the class name in snake case.
        dtype: name of the dtype of the confusion matrix. Default None: "int32".
        ignore_class: int, a class whose targets do not count. Default None.
        sparse_y_true: whether targets are class numbers; else one-hot. Default True.
        sparse_y_pred: whether predictions are class numbers; else scores. Default True.
        axis: int, the axis of the classes of one-hot targets and scores. Default -1.

    Raises:
        ValueError: a class in `target_class_ids` that is not below `num_classes`; while updating, other numbers of
            targets than of predictions.
    """

    def __init__(
        self,
        num_classes,
        target_class_ids,
        name=None,
        dtype=None,
        ignore_class=None,
        sparse_y_true=True,
        sparse_y_pred=True,
        axis=-1,
    ):
        super().__init__(num_classes, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)
        if max(target_class_ids) >= num_classes:
            raise ValueError(f"Target class id {max(target_class_ids)} is out of range, which is [0, {num_classes}).")
        self.target_class_ids = list(target_class_ids)

    def result(self):
        matrix = ops.convert_to_tensor(self.total_cm)
        hits = ops.reshape(matrix, (-1,))[:: self.num_classes + 1]
        union = ops.sum(matrix, axis=0) + ops.sum(matrix, axis=1) - hits
        hits = ops.cast(ops.take(hits, self.target_class_ids, axis=0), "float32")
        union = ops.cast(ops.take(union, self.target_class_ids, axis=0), "float32")
        occurs = ops.greater(union, 1e-9)
        iou = ops.where(occurs, hits / (union + config.epsilon()), 0.0)
        return ops.sum(iou) / (ops.sum(ops.cast(occurs, "float32")) + config.epsilon())

    _options = ("num_classes", "target_class_ids", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis")

    def get_config(self):
        return {**super().get_config(), **{name: getattr(self, name) for name in self._options}}


class BinaryIoU(IoU):
    """Intersection over union of predictions that are decided by a threshold, the mean over the two classes.

    Args:
        target_class_ids: list of 0, 1 or both, the classes whose mean is the result. Default (0, 1).
        threshold: float; predictions of at least this are class 1. Default 0.5.
        name: str, the name in logs and results. Default None: "binary_io_u".
        dtype: name of the dtype of the confusion matrix. Default None: "int32".
    """

    _options = ("target_class_ids", "threshold")

    def __init__(self, target_class_ids=(0, 1), threshold=0.5, name=None, dtype=None):
        super().__init__(num_classes=2, target_class_ids=target_class_ids, name=name, dtype=dtype)
        self.threshold = threshold

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch.

        Args:
            y_true: targets 0 or 1 of any shape.
            y_pred: predictions of the same shape.
            sample_weight: a weight for each target, or one for all. Default None.
        """
        y_pred = ops.greater_equal(ops.convert_to_tensor(y_pred, dtype="float32"), self.threshold)
        super().update_state(y_true, ops.cast(y_pred, "int32"), sample_weight)


class MeanIoU(IoU):
    """Intersection over union, the mean over all classes that occur.

    Args:
        num_classes: int.
        name: str, the name in logs and results. Default None: "mean_io_u".
        dtype: name of the dtype of the confusion matrix. Default None: "int32".
        ignore_class: int, a class whose targets do not count. Default None.
        sparse_y_true: whether targets are class numbers; else one-hot. Default True.
        sparse_y_pred: whether predictions are class numbers; else scores. Default True.
        axis: int, the axis of the classes of one-hot targets and scores. Default -1.

    Raises:
        ValueError: while updating, other numbers of targets than of predictions.
    """

    _options = ("num_classes", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis")

    def __init__(
        self,
        num_classes,
        name=None,
        dtype=None,
        ignore_class=None,
        sparse_y_true=True,
        sparse_y_pred=True,
        axis=-1,
    ):
        ids = list(range(num_classes))
        super().__init__(num_classes, ids, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)


class OneHotIoU(IoU):
    """`IoU` of one-hot targets and scores.

    Args:
        num_classes: int.
        target_class_ids: list of ints, the classes whose mean is the result. Classes that never occur are left out.
        name: str, the name in logs and results. Default None: "one_hot_io_u".
        dtype: name of the dtype of the confusion matrix. Default None: "int32".
        ignore_class: int, a class whose targets do not count. Default None.
        sparse_y_pred: whether predictions are class numbers; else scores. Default False.
        axis: int, the axis of the classes. Default -1.

    Raises:
        ValueError: a class in `target_class_ids` that is not below `num_classes`; while updating, other numbers of
            targets than of predictions.
    """

    _options = ("num_classes", "target_class_ids", "ignore_class", "sparse_y_pred", "axis")

    def __init__(
        self, num_classes, target_class_ids, name=None, dtype=None, ignore_class=None, sparse_y_pred=False, axis=-1
    ):
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis)


class OneHotMeanIoU(MeanIoU):
    """`MeanIoU` of one-hot targets and scores.

    Args:
        num_classes: int.
        name: str, the name in logs and results. Default None: "one_hot_mean_io_u".
        dtype: name of the dtype of the confusion matrix. Default None: "int32".
        ignore_class: int, a class whose targets do not count. Default None.
        sparse_y_pred: whether predictions are class numbers; else scores. Default False.
        axis: int, the axis of the classes. Default -1.

    Raises:
        ValueError: while updating, other numbers of targets than of predictions.
    """

    _options = ("num_classes", "ignore_class", "sparse_y_pred", "axis")

    def __init__(self, num_classes, name=None, dtype=None, ignore_class=None, sparse_y_pred=False, axis=-1):
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)
