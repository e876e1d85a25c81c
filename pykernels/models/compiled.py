"""What `compile` was given, made into one loss and a list of metrics once the shapes are known."""

from __future__ import annotations

from .. import losses as losses_module
from .. import metrics as metrics_module
from ..layers.nest import flatten
from ..utils.naming import to_snake_case

_ACCURACY = ("accuracy", "acc")
_CROSSENTROPY = ("crossentropy", "ce")


def is_binary_or_sparse(y_true, y_pred) -> tuple[bool, bool]:
    """Keras 3's rule for "accuracy" and "crossentropy": (binary, sparse) by the shapes of target and output."""
    true_shape, pred_shape = tuple(y_true.shape), tuple(y_pred.shape)
    binary = pred_shape[-1] == 1
    sparse = len(true_shape) < len(pred_shape) or (true_shape[-1] == 1 and pred_shape[-1] > 1)
    return binary, sparse


def object_name(function) -> str:
    """The name that a function or object gives to its column of the logs."""
    return getattr(function, "name", None) or to_snake_case(
        getattr(function, "__name__", None) or type(function).__name__
    )


def check_identifiers(loss, metrics) -> None:
    """Resolves the names at once, so that `compile` itself reports an unknown one."""
    for item in flatten(loss) if loss is not None else []:
        if not (isinstance(item, str) and item.lower() in _CROSSENTROPY):
            losses_module.get(item)
    for item in flatten(metrics) if metrics else []:
        if isinstance(item, str) and item.lower() not in (*_ACCURACY, *_CROSSENTROPY):
            metrics_module.get(item)


def make_loss(identifier, y_true, y_pred) -> losses_module.Loss | None:
    """The loss object that `compile(loss=identifier)` means for these shapes."""
    if identifier is None:
        return None
    if isinstance(identifier, str) and identifier.lower() in _CROSSENTROPY:
        binary, sparse = is_binary_or_sparse(y_true, y_pred)
        name = "binary_crossentropy" if binary else "sparse_categorical_crossentropy" if sparse else None
        found = losses_module.get(name or "categorical_crossentropy")
    else:
        found = losses_module.get(identifier)
    if isinstance(found, losses_module.Loss):
        return found
    name = identifier if isinstance(identifier, str) else object_name(found)
    return losses_module.LossFunctionWrapper(found, name=name)


def make_metric(identifier, y_true, y_pred) -> metrics_module.Metric:
    """The metric object that an entry of `compile(metrics=...)` means for these shapes, under Keras's name."""
    if identifier is None:
        raise ValueError("Expected metric, received `None`")
    text = str(identifier).lower()
    if text in _ACCURACY or text in _CROSSENTROPY:
        binary, sparse = is_binary_or_sparse(y_true, y_pred)
        kind = "Binary" if binary else "SparseCategorical" if sparse else "Categorical"
        cls = getattr(metrics_module, kind + ("Accuracy" if text in _ACCURACY else "Crossentropy"))
        return cls(name=str(identifier))
    found = metrics_module.get(identifier)
    name = identifier if isinstance(identifier, str) else object_name(found)
    if not isinstance(found, metrics_module.Metric):
        found = metrics_module.MeanMetricWrapper(found, name=name)
    found.name = name
    return found


def takes_indices(loss) -> bool:
    """Whether a loss or metric reads its target as class numbers."""
    return bool(getattr(getattr(loss, "fn", None) or getattr(loss, "_fn", None), "takes_class_indices", False))


def single(value, argument: str, output_names):
    """The entry for the only output of a model, from a value, a list of one, or a dict by output name."""
    if isinstance(value, dict):
        if output_names and set(value) != set(output_names):
            raise ValueError(f"Expected keys {list(output_names)} in {argument} dict, but found {list(value)}")
        return next(iter(value.values())) if value else None
    if isinstance(value, (list, tuple)) and argument == "loss":
        if len(value) != 1:
            raise ValueError(
                f"The model has 1 output, but `{argument}` has {len(value)} entries: {value}. Pass one {argument}."
            )
        return value[0]
    return value


class Compiled:
    """Loss, metrics and loss weight of a compiled model with one output.

    Attributes:
        loss: the loss object, None before `build` and without a loss.
        metrics: metrics that ignore sample weights. weighted_metrics: metrics that use them.
    """

    def __init__(self, loss, loss_weights, metrics, weighted_metrics, output_names):
        for name, value in (("metrics", metrics), ("weighted_metrics", weighted_metrics)):
            if value and not isinstance(value, (list, tuple, dict)):
                raise ValueError(
                    f"Expected `{name}` argument to be a list, tuple, or dict. Received instead: {name}={value} of "
                    f"type {type(value)}"
                )
        self._loss = single(loss, "loss", output_names)
        weight = single(loss_weights, "loss_weights", output_names)
        weight = weight[0] if isinstance(weight, (list, tuple)) and len(weight) == 1 else weight
        if weight is not None and not isinstance(weight, (int, float)):
            raise ValueError(f"`loss_weights` must be one number for a model with one output. Received: {loss_weights}")
        self.loss_weight = weight
        self._metrics = single(metrics, "metrics", output_names)
        self._weighted_metrics = single(weighted_metrics, "weighted_metrics", output_names)
        check_identifiers(self._loss, [*_entries(self._metrics), *_entries(self._weighted_metrics)])
        self.built = False
        self.loss: losses_module.Loss | None = None
        self.metrics: list[metrics_module.Metric] = []
        self.weighted_metrics: list[metrics_module.Metric] = []

    def build(self, y_true, y_pred) -> None:
        """Chooses what depends on shapes. `y_true`, `y_pred`: anything with `shape`; None for no target."""
        if self.built:
            return
        if y_true is not None:
            self.loss = make_loss(self._loss, y_true, y_pred)
            self.metrics = [make_metric(m, y_true, y_pred) for m in _entries(self._metrics)]
            self.weighted_metrics = [make_metric(m, y_true, y_pred) for m in _entries(self._weighted_metrics)]
            _make_names_unique(self.all_metrics)
            self.built = True

    @property
    def has_loss(self) -> bool:
        return self._loss is not None

    @property
    def all_metrics(self) -> list[metrics_module.Metric]:
        return [*self.metrics, *self.weighted_metrics]

    @property
    def wants_indices(self) -> bool:
        """Whether the target is class numbers: then it is passed as int32, otherwise as floats."""
        return takes_indices(self.loss) or (self.loss is None and any(takes_indices(m) for m in self.all_metrics))

    def update(self, y_true, y_pred, sample_weight=None) -> None:
        """Lets the metrics see a batch."""
        for metric in self.metrics:
            metric.update_state(y_true, y_pred)
        for metric in self.weighted_metrics:
            metric.update_state(y_true, y_pred, sample_weight=sample_weight)


def _entries(metrics) -> list:
    if metrics is None:
        return []
    return flatten(metrics) if isinstance(metrics, (list, tuple, dict)) else [metrics]


def _make_names_unique(metrics) -> None:
    """Two metrics of one name get Keras's numbers, so that each has a column of its own: mae, mae_1."""
    seen: dict[str, int] = {}
    for metric in metrics:
        count = seen.get(metric.name, 0)
        seen[metric.name] = count + 1
        if count:
            metric.name = f"{metric.name}_{count}"
