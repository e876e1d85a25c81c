"""Methods by which Keras lets a subclass of Model replace the step, or a part of it that only one backend has."""

from __future__ import annotations

from ..layers.context import StructureVersion
from ..utils.overrides import refuse_overrides, unsupported

_RECORDED = (
    "steps are recorded and compiled. Override compute_loss(), or write the loss, metric or layer with pykernels.ops."
)
_STATELESS = "variables are changed in place, and no step passes them as values. Override compute_loss() or call()."

# Refused where they are overridden: Keras would call them in `fit` and `evaluate`, those of the second in `predict`.
_NOT_CALLED = {
    "train_step": _RECORDED,
    "test_step": _RECORDED,
    "make_train_function": _RECORDED,
    "make_test_function": _RECORDED,
    "compute_loss_and_updates": _STATELESS,
    "stateless_compute_loss": _STATELESS,
    "stateless_call": _STATELESS,
    "jax_state_sync": _STATELESS,
}
_NOT_CALLED_IN_PREDICT = {
    "predict_step": _RECORDED,
    "make_predict_function": _RECORDED,
    "stateless_call": _STATELESS,
}


class StepMethods:
    """What Keras's Model has for this, and the refusal of what pykernels would not call."""

    train_step = unsupported("train_step", _RECORDED)
    test_step = unsupported("test_step", _RECORDED)
    predict_step = unsupported("predict_step", _RECORDED)
    compute_loss_and_updates = unsupported("compute_loss_and_updates", _STATELESS)
    stateless_compute_loss = unsupported("stateless_compute_loss", _STATELESS)
    stateless_call = unsupported("stateless_call", _STATELESS)
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

    def _refuse_in_fit(self) -> None:
        """NotImplementedError for methods in which Keras code computes gradients or runs the model with the means of a
        backend (a GradientTape, jax.grad, backward()) that pykernels does not have."""
        refuse_overrides(self, StepMethods, _NOT_CALLED)

    _predicts_since = -1  # version of the structure that `_refuse_in_predict` has seen

    def _refuse_in_predict(self) -> None:
        if self._predicts_since != StructureVersion.value:  # predictions of one row would notice the search
            refuse_overrides(self, StepMethods, _NOT_CALLED_IN_PREDICT)
            self.__dict__["_predicts_since"] = StructureVersion.value
