"""Methods by which Keras lets a subclass of Model replace the step, or a part of it that only one backend has."""

from __future__ import annotations

from ..graph import GradientTape, StatelessScope, Tensor, Variable, current_trace
from ..graph.stateless import check_state, current_values
from ..layers.context import StructureVersion
from ..layers.layer import Layer
from ..optimizers.optimizer import Optimizer
from ..user_warning import warn
from ..utils.overrides import overrides, refuse_overrides, takes_argument, unsupported

_FUNCTIONS = "steps are recorded and compiled. Override train_step(), test_step() or predict_step()."
_STATELESS = "variables are changed in place, and no step passes them as values. Override compute_loss() or call()."

# Refused where they are overridden: Keras would call them in `fit` and `evaluate`, those of the second in `predict`.
_NOT_CALLED = {
    "make_train_function": _FUNCTIONS,
    "make_test_function": _FUNCTIONS,
    "compute_loss_and_updates": _STATELESS,
    "stateless_compute_loss": _STATELESS,
    "jax_state_sync": _STATELESS,
}
_NOT_CALLED_IN_PREDICT = {"make_predict_function": _FUNCTIONS}
_NOT_CALLED_OF_LAYERS = {"stateless_call": _STATELESS}


def pack_x_y_sample_weight(x, y=None, sample_weight=None):
    """A batch as steps get it: `x` alone (in a tuple if it is a list or tuple), `(x, y)` or `(x, y, sample_weight)`."""
    if y is None and sample_weight is None:
        return (x,) if isinstance(x, (list, tuple)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def unpack_x_y_sample_weight(data) -> tuple:
    """(x, y, sample_weight) of what `pack_x_y_sample_weight` gave; None for what is not there.

    Raises:
        ValueError: a tuple of another length.
    """
    if not isinstance(data, (list, tuple)):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ValueError(
            "Data is expected to be in format `x`, `(x,)`, `(x, y)`, or `(x, y, sample_weight)`, found: a "
            f"{type(data).__name__} of length {len(data)}"
        )
    return (*data, *[None] * (3 - len(data)))


def loss_of(model, x, y, y_pred, sample_weight, training: bool):
    """What `compute_loss` of a model says, also if it was written before Keras 3.3 and does not know the phase."""
    phase = {"training": training} if takes_argument(type(model).compute_loss, "training") else {}
    return model.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, **phase)


def update_by(optimizer, grads: list, variables: list) -> None:
    """Updates variables by the optimizer's own `apply_gradients`, if its class has one."""
    if overrides(optimizer, "apply_gradients", Optimizer):
        optimizer.apply_gradients(list(zip(grads, variables, strict=True)))
    else:
        optimizer.apply(grads, variables)


def trained_variables(model) -> list[Variable]:
    """The variables that a step trains; a warning where there are none."""
    variables = model.trainable_variables
    if not variables:
        warn("The model does not have any trainable weights.")
    return variables


class StepMethods:
    """The steps of a model, which a subclass may write anew, and the refusal of what pykernels would not call.

    Package interface: `_writes_steps`.
    """

    def train_step(self, data) -> dict:
        """One step of training. A subclass may override it, with `pykernels.ops`, `tf.GradientTape` and
        `optimizer.apply_gradients`; it is recorded once for each signature of a batch.

        Args:
            data: a batch: `x`, `(x, y)` or `(x, y, sample_weight)`, as tensors.

        Returns:
            A dict of results by name, which `fit` reports.
        """
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        with GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = loss_of(self, x, y, y_pred, sample_weight, training=True)
            scaled = self.optimizer.scale_loss(loss)
        trace = current_trace()
        if trace is not None:
            trace.check_finite(loss)
        variables = trained_variables(self)
        if variables:
            update_by(self.optimizer, tape.gradient(scaled, variables), variables)
        self._loss_tracker.update_state(loss, sample_weight=_rows(x))
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def test_step(self, data) -> dict:
        """One step of evaluation; see `train_step`."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        y_pred = self(x, training=False)
        loss = loss_of(self, x, y, y_pred, sample_weight, training=False)
        self._loss_tracker.update_state(loss, sample_weight=_rows(x))
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def predict_step(self, data):
        """One step of prediction, which returns the outputs for a batch; see `train_step`."""
        x, _, _ = unpack_x_y_sample_weight(data)
        return self(x, training=False)

    compute_loss_and_updates = unsupported("compute_loss_and_updates", _STATELESS)

    def stateless_compute_loss(
        self,
        trainable_variables,
        non_trainable_variables,
        metrics_variables,
        x=None,
        y=None,
        y_pred=None,
        sample_weight=None,
        training=True,
    ) -> tuple:
        """`compute_loss` for variables that are given as values: nothing of the model changes.

        Args:
            trainable_variables, non_trainable_variables, metrics_variables: lists of tensors or arrays, one for each
                variable of the attributes of these names.
            x, y, y_pred, sample_weight, training: as in `compute_loss`.

        Returns:
            `(loss, (trainable_variables, non_trainable_variables, metrics_variables))` with the new values.

        Raises:
            ValueError: other numbers of values.
        """
        given = {
            "trainable_variables": trainable_variables,
            "non_trainable_variables": non_trainable_variables,
            "metrics_variables": metrics_variables,
        }
        state = [check_state(type(self).__name__, n, v, getattr(self, n), n) for n, v in given.items()]
        with StatelessScope([pair for pairs in state for pair in pairs]):
            loss = loss_of(self, x, y, y_pred, sample_weight, training)
            updated = [current_values(getattr(self, name)) for name in given]
        return loss, (trainable_variables, *updated[1:])

    jax_state_sync = unsupported("jax_state_sync", _STATELESS)
    get_state_tree = unsupported(
        "get_state_tree", "use get_weights(), and `variables` of the optimizer and of metrics."
    )
    set_state_tree = unsupported("set_state_tree", "use set_weights(), and `assign` of variables.")

    get_quantization_layer_structure = unsupported("get_quantization_layer_structure", "models are not quantized.")

    def make_train_function(self, force=False) -> None:
        """Records the training step again, with the current `trainable` attributes.

        Args:
            force: without it nothing happens: steps are recorded when they are needed. Default False.
        """
        if force:
            self._record_anew()

    def make_test_function(self, force=False) -> None:
        """With `force`, records the evaluation step again; see `make_train_function`."""
        if force:
            self._programs.clear()

    def make_predict_function(self, force=False) -> None:
        """With `force`, records the prediction step again; see `make_train_function`."""
        if force:
            self._programs.clear()

    def _writes_steps(self) -> bool:
        """Whether the class writes the training or evaluation step itself."""
        return any(overrides(self, name, StepMethods) for name in ("train_step", "test_step"))

    def _refuse_in_fit(self) -> None:
        """NotImplementedError for methods in which Keras code computes gradients or runs the model with the means of a
        backend (jax.grad, backward()) that pykernels does not have."""
        refuse_overrides(self, StepMethods, _NOT_CALLED)
        refuse_overrides(self, Layer, _NOT_CALLED_OF_LAYERS)

    _predicts_since = -1  # version of the structure that `_refuse_in_predict` has seen

    def _refuse_in_predict(self) -> None:
        if self._predicts_since != StructureVersion.value:  # predictions of one row would notice the search
            refuse_overrides(self, StepMethods, _NOT_CALLED_IN_PREDICT)
            refuse_overrides(self, Layer, _NOT_CALLED_OF_LAYERS)
            self.__dict__["_predicts_since"] = StructureVersion.value


def _rows(x) -> int:
    """The number of samples of a batch."""
    while not hasattr(x, "shape"):
        x = next(iter(x.values() if isinstance(x, dict) else x))
    return x.shape[0]


def check_is_tensor(loss) -> None:
    """ValueError for a loss that is a constant of the program."""
    if not isinstance(loss, Tensor):
        raise ValueError("The loss does not depend on the model's weights: its value is a constant.")
