"""What `compile` was given, made into one loss and a list of metrics once the shapes are known."""

from __future__ import annotations

from collections import Counter

from .. import losses as losses_module
from .. import metrics as metrics_module
from ..graph import Variable
from ..utils.naming import to_snake_case
from ..utils.tree import flatten, is_nested, match_outputs
from .compile_arguments import CompileArgs, keys_of, loss_names

_ACCURACY = ("accuracy", "acc")
_CROSSENTROPY = ("crossentropy", "ce")


def is_binary_or_sparse(y_true, y_pred) -> tuple[bool, bool]:
    """Keras 3's rule for "accuracy" and "crossentropy": (binary, sparse) by the shapes of target and output."""
    true_shape, pred_shape = tuple(y_true.shape), tuple(y_pred.shape)
    binary = pred_shape[-1] == 1
    sparse = len(true_shape) < len(pred_shape) or (true_shape[-1] == 1 and pred_shape[-1] > 1)
    return binary, sparse


def metric_name(identifier) -> str:
    """What an entry of `compile(metrics=...)` is called in the logs."""
    return identifier if isinstance(identifier, str) else object_name(identifier)


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
    build = getattr(found, "build_for", None)
    if build is not None:  # its variables depend on the number of outputs
        build(y_true.shape, y_pred.shape)
    return found


def takes_indices(loss) -> bool:
    """Whether a loss or metric reads its target as class numbers."""
    return bool(getattr(getattr(loss, "fn", None) or getattr(loss, "_fn", None), "takes_class_indices", False))


class Output:
    """What `compile` says about one output of a model.

    Attributes:
        name: of the output in logs; None when the model has one output, or outputs without names.
        loss: the loss object, or None. weight: factor of the loss, or None.
        tracker: mean of the loss over an epoch, in models with several losses.
        metrics: metrics that ignore sample weights. weighted_metrics: metrics that use them.
    """

    def __init__(self, name, loss, weight, metrics, weighted_metrics):
        self.name = name
        self.loss: losses_module.Loss | None = loss
        self.weight = weight
        self.tracker: metrics_module.Mean | None = None
        self.metrics: list[metrics_module.Metric] = metrics
        self.weighted_metrics: list[metrics_module.Metric] = weighted_metrics

    @property
    def needs_target(self) -> bool:
        return bool(self.loss is not None or self.metrics or self.weighted_metrics)

    @property
    def wants_indices(self) -> bool:
        """Whether the target is class numbers: then it is passed as int32, otherwise as floats."""
        if self.loss is not None:
            return takes_indices(self.loss)
        return any(takes_indices(m) for m in (*self.metrics, *self.weighted_metrics))


def _distinct(names: list) -> list:
    """Names of outputs for the logs: the second of one name is `name_1`, as in Keras 2, or its loss would be lost."""
    seen: Counter = Counter()
    found = []
    for name in names:
        found.append(f"{name}_{seen[name]}" if name is not None and seen[name] else name)
        seen[name] += 1
    return found


class Compiled:
    """Losses, loss weights and metrics of a compiled model, per output.

    Args: as in `Model.compile`; `output_names`: names of the outputs, empty while they are not known.

    Attributes:
        outputs: list of `Output` in the order of the model's flattened outputs; empty before `build`.
        named_metrics: list of (name in the logs, metric), without the losses' trackers.
    """

    def __init__(self, loss, loss_weights, metrics, weighted_metrics, output_names):
        metrics = _as_list("metrics", metrics)
        weighted_metrics = _as_list("weighted_metrics", weighted_metrics)
        if loss_weights is not None and not isinstance(loss_weights, (list, tuple, dict, int, float)):
            raise ValueError(
                "Expected `loss_weights` argument to be a float (single output case) or a list, tuple, or dict "
                f"(multiple output case). Received instead: loss_weights={loss_weights} of type {type(loss_weights)}"
            )
        check_identifiers([loss for loss in flatten(loss) if loss is not None], _entries([metrics, weighted_metrics]))
        self.compile_args = CompileArgs(loss, loss_weights, metrics, weighted_metrics)
        if len(output_names) == 1:
            self.compile_args.per_output(list(output_names), None)  # mistakes are told by `compile`
        self.built = False
        self._output_names = list(output_names)
        self.outputs: list[Output] = []
        self.named_metrics: list[tuple[str, metrics_module.Metric]] = []
        self._names: list | None = None

    def build(self, y_true, y_pred, output_names) -> None:
        """Chooses what depends on shapes.

        Args:
            y_true, y_pred: targets and outputs in the structure of the user's data and of the model, each leaf
                anything with `shape`.
            output_names: names of the flattened outputs, empty for models that have none.

        Raises:
            ValueError: entries of `compile`, or targets, that do not match the outputs.
        """
        if self.built:
            return
        preds = flatten(y_pred)
        names = keys_of(y_pred) or (list(output_names) if len(output_names) == len(preds) else [None] * len(preds))
        self._names = names
        asked = self.compile_args.per_output(names, y_pred)
        wanted = [bool(loss is not None or metrics or weighted) for loss, _, metrics, weighted in asked]
        targets = self._matched(y_true, wanted, [loss is not None for loss, *_ in asked], "y")
        outputs = []
        shown = _distinct(names)
        for name, target, pred, (loss, weight, metrics, weighted) in zip(shown, targets, preds, asked, strict=True):
            outputs.append(
                Output(
                    name if len(preds) > 1 else None,
                    make_loss(loss, target, pred),
                    weight,
                    [make_metric(m, target, pred) for m in metrics],
                    [make_metric(m, target, pred) for m in weighted],
                )
            )
        self.outputs = outputs
        if sum(o.loss is not None for o in outputs) > 1:
            called = loss_names(y_pred, names)
            labels = [n or (o.loss and o.loss.name) for n, o in zip(called, outputs, strict=True)]
            for output, label in zip(outputs, _distinct(labels), strict=True):
                if output.loss is not None:
                    output.tracker = metrics_module.Mean(name=f"{label}_loss")
        self.named_metrics = _log_names(outputs)
        self.built = True

    def expected_names(self, output_names) -> tuple[list[str], list[str]]:
        """Before `build`: the names in the logs of the losses of several outputs, and of the metrics."""
        names = list(output_names)
        if not names:
            return [], []
        several = len(names) > 1
        found, losses = [], []
        asked = self.compile_args.per_output(names, None)
        for name, (loss, _, *lists) in zip(_distinct(names), asked, strict=True):
            metrics, weighted = ([metrics_module.Mean(name=metric_name(m)) for m in given] for given in lists)
            found.append(Output(name if several else None, None, None, metrics, weighted))
            losses += [f"{name}_loss"] if loss is not None else []
        return losses if len(losses) > 1 else [], [name for name, _ in _log_names(found)]

    def _matched(self, structure, wanted, with_loss, what: str) -> list:
        try:
            return match_outputs(structure, self._names, wanted, with_loss, what)
        except ValueError as error:
            raise ValueError(f"{error} {_outputs_text(self._names)}") from None

    def targets(self, y) -> list:
        """The leaf of `y` (arrays, tensors, numbers of leaves) for each output; None where there is none.

        Raises:
            ValueError: a structure that does not match the outputs.
        """
        return self._matched(y, [o.needs_target for o in self.outputs], [o.loss is not None for o in self.outputs], "y")

    def weights(self, sample_weight) -> list:
        """The sample weight of each output: the one given for all, or that of its own; None without."""
        if not is_nested(sample_weight):
            return [sample_weight] * len(self.outputs)
        with_loss = [o.loss is not None for o in self.outputs]
        return self._matched(sample_weight, [False] * len(self.outputs), with_loss, "sample_weight")

    @property
    def has_loss(self) -> bool:
        return any(loss is not None for loss in flatten(self.compile_args.loss))

    @property
    def trackers(self) -> list[metrics_module.Mean]:
        return [o.tracker for o in self.outputs if o.tracker is not None]

    @property
    def all_metrics(self) -> list[metrics_module.Metric]:
        return [m for _, m in self.named_metrics]

    def loss_value(self, y_true, y_pred, sample_weight=None):
        """The weighted sum of the losses; None when no output has one. Trackers see the unweighted ones."""
        self.build(y_true, y_pred, self._output_names)
        total = None
        targets, weights = self.targets(y_true), self.weights(sample_weight)
        for output, target, pred, weight in zip(self.outputs, targets, flatten(y_pred), weights, strict=True):
            if output.loss is None:
                continue
            value = output.loss(target, pred, weight)
            if output.tracker is not None:
                output.tracker.update_state(value, sample_weight=pred.shape[0])
            if output.weight is not None:
                value = value * (output.weight if isinstance(output.weight, Variable) else float(output.weight))
            total = value if total is None else total + value
        return total

    def update(self, y_true, y_pred, sample_weight=None) -> None:
        """Lets the metrics see a batch."""
        self.build(y_true, y_pred, self._output_names)
        targets, weights = self.targets(y_true), self.weights(sample_weight)
        for output, target, pred, weight in zip(self.outputs, targets, flatten(y_pred), weights, strict=True):
            for metric in output.metrics:
                metric.update_state(target, pred)
            for metric in output.weighted_metrics:
                metric.update_state(target, pred, sample_weight=weight)


def _log_names(outputs: list[Output]) -> list[tuple[str, metrics_module.Metric]]:
    """Keras's names: the output's name before the metric's; repeated ones are numbered, weighted ones say so first."""
    seen: dict[str, int] = {}
    named = []

    def add(name, metric):
        count = seen.get(name, 0)
        seen[name] = count + 1
        named.append((f"{name}_{count}" if count else name, metric))

    def prefixed(output, name):
        return f"{output.name}_{name}" if output.name else name

    for output in outputs:
        for metric in output.metrics:
            add(prefixed(output, metric.name), metric)
    for output in outputs:
        for metric in output.weighted_metrics:
            name = prefixed(output, metric.name)
            add(prefixed(output, f"weighted_{metric.name}") if name in seen else name, metric)
    return named


def _as_list(argument: str, metrics):
    """The metrics of `compile`; one that is not in a list is put into one, as tf.keras does.

    Raises:
        ValueError: something that is no metric.
    """
    if isinstance(metrics, str) or callable(metrics):
        return [metrics]
    if metrics and not isinstance(metrics, (list, tuple, dict)):
        raise ValueError(
            f"Expected `{argument}` argument to be a list, tuple, or dict. Received instead: {argument}={metrics} of "
            f"type {type(metrics)}"
        )
    return metrics


def _outputs_text(names) -> str:
    known = [name for name in names if name is not None]
    return f"The model's outputs: {known or f'{len(names)}, without names'}."


def _entries(metrics) -> list:
    return [m for m in flatten(metrics) if m is not None]
