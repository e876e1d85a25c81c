"""The base class of all layers."""

from __future__ import annotations

import functools
import inspect

import numpy as np

from .. import ops, regularizers
from ..graph import StatelessScope, Tensor, as_eager, current_path, current_trace, dtype_of, scope
from ..graph.stateless import check_state, current_values
from ..metrics.metric import Metric
from ..metrics.reduction import Mean
from ..utils.load_budget import load_budget
from ..utils.masks import any_masks
from ..utils.naming import auto_name
from ..utils.overrides import overridden_by_user, refuse_overrides, unsupported
from ..utils.tree import flatten, map_shapes, map_structure
from .assignment import tracked_init
from .configuration import LayerConfig
from .context import called_by_a_layer, calling, structure_changed, training_phase, working
from .dtype_policy import dtype_name
from .explain import call_error, check_shape, explained, is_own
from .inference import declared_outputs, inferred_outputs, recorded_outputs
from .input_spec import InputSpec, assert_input_compatibility
from .masking import MaskedCall, keep_mask
from .node import Node, outside_traces, symbolic
from .state import LayerState

# Properties that say of Keras's layers what is not so here; a layer that says otherwise would be wrong.
_NOT_CALLED = {
    "dtype_policy": "the dtype of a layer is what its constructor is given.",
    "quantization_mode": "layers are not quantized.",
}
_QUANTIZED = "layers are not quantized. Leave it out."


@functools.lru_cache(1024)
def _parameters(function) -> tuple[tuple[str, object], ...]:
    """(name, default) of the parameters of a `call` or `build`, without `self`."""
    parameters = list(inspect.signature(function).parameters.values())[1:]
    return tuple((p.name, p.default) for p in parameters)


def _tracked_build(build):
    @functools.wraps(build)
    def wrapper(self, *args, **kwargs):
        with scope(self.name), outside_traces(), working():  # values assigned here are set, not recorded
            self.path = current_path()
            build(self, *args, **kwargs)
        shapes = {name: value for (name, _), value in zip(_parameters(build), args, strict=False)}
        self._build_shapes_dict = {**shapes, **kwargs}
        self.built = True
        structure_changed()
        with outside_traces():
            self._set_initial_weights()

    wrapper.is_tracked_build = True
    return wrapper


class Layer(LayerConfig, LayerState):
    """The base class of all layers: a callable with variables, `y = layer(x)`.

    A subclass stores its arguments in `__init__`, makes variables in `build(input_shape)` with `add_weight`, and
    computes its output in `call(inputs)` with `pykernels.ops`. `get_config` returns the arguments of the constructor.
    `call` may have a parameter `training`, which is True in `fit`. Called with arrays, a layer computes at once; called
    with symbolic tensors, it records the computation.

    Args:
        activity_regularizer: regularizer of the output. Its value, divided by the batch size, is added to the loss.
            Default None.
        trainable: whether training updates the variables of the layer. Default True.
        dtype: name of the dtype of computations and variables. Default None: `config.floatx()`.
        autocast: whether float inputs of another precision are converted to `dtype`. Default True.
        name: str. Default None: the class name in snake case, made unique.
        input_shape, input_dim, batch_input_shape, batch_size: shape of the input, for the first layer of a
            `Sequential`.
        weights: list of arrays, the initial weights (Keras 1).
    """

    # Package interface: `_call`, `_parameters_of`, `_shapes_of`, `_inbound_nodes`, `_build_shapes_dict`,
    # `_initial_weights`, `_batch_shape_arg`, `_learn`, `_auto_config` (args and kwargs of
    # the constructor).

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        build = cls.__dict__.get("build")
        if build is not None and not getattr(build, "is_tracked_build", False):
            cls.build = _tracked_build(build)
        init = cls.__dict__.get("__init__")
        if init is not None and not getattr(init, "is_tracked_init", False):
            cls.__init__ = tracked_init(init)
        cls._computes_mask = overridden_by_user(cls, "compute_mask")
        cls._explains_errors = is_own(cls)
        if cls._explains_errors and "__init__" in cls.__dict__ and not cls.__name__.startswith("_"):
            cls.__init__ = explained(cls.__init__)

    _computes_mask = False
    _explains_errors = False  # whether errors of Python's own in `build` and `call` become ones that name the layer
    computed_on_host = False  # whether a model computes it with NumPy, before a program runs (see `lookup`)
    makes_nothing = False  # whether there is nothing to build: such layers are `built` from the beginning, as in Keras
    hands_masks_on = False  # whether `call` itself gives the outputs their masks: models do

    def __new__(cls, *args, **kwargs):
        layer = super().__new__(cls)
        layer._auto_config = (args, kwargs)
        return layer

    @tracked_init
    def __init__(self, *, activity_regularizer=None, trainable=True, dtype=None, autocast=True, name=None, **kwargs):
        if not isinstance(trainable, bool):
            raise ValueError(
                f"Expected `trainable` to be a boolean. Received: trainable={trainable} (of type {type(trainable)})"
            )
        if name is not None and not isinstance(name, str):
            raise ValueError(f"Expected `name` to be a string. Received: name={name} (of type {type(name)})")
        budget = load_budget()
        if budget is not None:
            budget.layer()
        self.name = name or auto_name(type(self).__name__)
        refuse_overrides(self, Layer, _NOT_CALLED)
        self._init_state(trainable)
        self._dtype = dtype_name(self.name, dtype)
        self.autocast = autocast
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self._supports_masking = self._computes_mask
        self._input_spec: InputSpec | list | None = None
        self.built = False
        self._build_shapes_dict: dict | None = None
        self.path: str | None = None  # the names of the layers that it was built within, and its own
        self._inbound_nodes: list[Node] = []
        self._batch_shape_arg = self._shape_argument(kwargs)
        self._initial_weights = kwargs.pop("weights", None)
        if kwargs:
            raise ValueError(f"Unrecognized keyword arguments passed to {type(self).__name__}: {kwargs}")
        if self.makes_nothing and type(self).build is Layer.build:
            self.built = True
            self._set_initial_weights()

    @staticmethod
    def _shape_argument(kwargs) -> tuple | None:
        """The batch shape that `input_shape` and its older relatives describe."""
        batch_size = kwargs.pop("batch_size", None)
        batch_shape = kwargs.pop("batch_input_shape", None)
        shape = kwargs.pop("input_shape", None)
        dim = kwargs.pop("input_dim", None)
        if batch_shape is not None:
            return tuple(batch_shape)
        if shape is None and dim is not None:
            shape = (dim,)
        if shape is None:
            return None
        return (batch_size, *((shape,) if isinstance(shape, int) else shape))

    # --- identity ---------------------------------------------------------------------------------------
    @property
    def dtype(self) -> str:
        return self._dtype

    @property
    def compute_dtype(self) -> str:
        return self._dtype

    @property
    def variable_dtype(self) -> str:
        return self._dtype

    @property
    def input_dtype(self) -> str:
        """The dtype that float inputs are converted to."""
        return self.compute_dtype

    @property
    def input_spec(self):
        """The `InputSpec` that the input must meet, or a list of them; None for any input."""
        return self._input_spec

    @input_spec.setter
    def input_spec(self, value):
        self._input_spec = value

    @property
    def supports_masking(self) -> bool:
        """Whether outputs get the mask that `compute_mask` gives: by default, whether the layer has one of its own."""
        return self._supports_masking

    @supports_masking.setter
    def supports_masking(self, value):
        self._supports_masking = value

    @property
    def _name(self) -> str:
        """tf.keras's name of `name`: scripts rename a layer by setting it."""
        return self.name

    @_name.setter
    def _name(self, value):
        self.name = value

    def __repr__(self):
        return f"<{type(self).__name__} name={getattr(self, 'name', '?')}, built={getattr(self, 'built', False)}>"

    @property
    def metrics(self) -> list:
        """The metrics held by the layer and by those within it; a compiled model has those of `compile` too."""
        found = {id(m): m for x in self._flatten_layers() for m in x._held() if isinstance(m, Metric)}
        return list(found.values())

    def add_metric(self, value, name=None, aggregation=None, **kwargs) -> None:
        """Reports a value that `call` computes, as in Keras 2: its mean over the batches.

        Args:
            value: tensor. What a metric object returned when it was called is that metric, which is reported itself.
            name: str, the name in logs; needed unless `value` is a metric's.
            aggregation: None or "mean".

        Raises:
            ValueError: no name, another `aggregation`, or an unknown argument.
        """
        metric = getattr(value, "from_metric", None)
        added = self.__dict__.setdefault("_added_metrics", {})
        if metric is not None:
            if not any(m is metric for m in self.metrics):
                added[metric.name] = metric
                structure_changed()
            return
        self._check_metric(name, aggregation, kwargs)
        if name not in added:
            added[name] = Mean(name=name)
            structure_changed()
        added[name].update_state(value)

    @staticmethod
    def _check_metric(name, aggregation, kwargs) -> None:
        if kwargs:
            raise ValueError(f"add_metric: unknown keyword arguments: {', '.join(kwargs)}")
        if aggregation not in (None, "mean"):
            raise ValueError(f"add_metric: `aggregation` must be None or 'mean'. Received: {aggregation!r}")
        if not isinstance(name, str):
            raise ValueError(
                "add_metric: please provide a name for the metric, like add_metric(value, name='mean_activation'). "
                f"Received: name={name!r}"
            )

    @property
    def metrics_variables(self) -> list:
        """The variables of `metrics`."""
        return [v for m in self.metrics for v in m.variables]

    # --- building ---------------------------------------------------------------------------------------
    def build(self, input_shape=None):
        """Makes the variables. It is called once, before the first call, with the shape of the input."""
        self.built = True
        self._set_initial_weights()

    def _set_initial_weights(self) -> None:
        if self._initial_weights is not None and self.built:
            weights, self._initial_weights = self._initial_weights, None
            if weights:
                self.set_weights(weights)

    def _parameters_of(self, method: str) -> list[str]:
        """The names of the arguments of a method."""
        return [name for name, _ in _parameters(getattr(type(self), method))]

    def _given(self, args, kwargs) -> dict:
        """The arguments of a call by name."""
        return {**dict(zip(self._parameters_of("call"), args, strict=False)), **kwargs}

    def _shapes_of(self, args, kwargs) -> dict:
        """The shapes of a call's tensors, by the names that `build` has for them."""
        return {
            f"{name}_shape": map_structure(lambda x: tuple(x.shape), value)
            for name, value in self._given(args, kwargs).items()
            if name != "mask" and flatten(value) and all(hasattr(x, "shape") for x in flatten(value))
        }

    def _maybe_build(self, args, kwargs) -> None:
        if self.built:
            return
        shapes = self._shapes_of(args, kwargs)
        names = self._parameters_of("build")
        needed = [name for name, default in _parameters(type(self).build) if default is inspect.Parameter.empty]
        if len(names) > 1 and all(name in shapes for name in needed or names):
            self.build(**{name: shapes[name] for name in names if name in shapes})
        elif names and not shapes:
            raise ValueError(f"Layer '{self.name}' cannot be built: it was called without a tensor.")
        else:
            first = next(iter(shapes.values())) if shapes else None
            self.build(first) if names else self.build()
        self.built = True

    # --- calling ----------------------------------------------------------------------------------------
    def call(self, *args, **kwargs):
        raise NotImplementedError(f"Layer {type(self).__name__} does not have a `call()` method implemented.")

    def __call__(self, *args, **kwargs):
        if "_inbound_nodes" not in self.__dict__:
            raise RuntimeError(
                f"In layer '{type(self).__name__}', you forgot to call `super().__init__()` as the first statement "
                "in the `__init__()` method. Go add it!"
            )
        args, kwargs = self._convert(args), self._convert(kwargs)
        leaves = flatten([list(args), kwargs])
        if current_trace() is None and any(isinstance(x, Tensor) for x in leaves):
            return self._symbolic_call(args, kwargs)
        if not called_by_a_layer():
            self._clear_losses()
        outputs = self._call(args, kwargs)
        given = as_eager(outputs)
        if given is not outputs and any_masks():
            for old, new in zip(flatten(outputs), flatten(given), strict=True):
                keep_mask(old, new)
        return given

    def _convert(self, values):
        if any_masks():
            return map_structure(lambda x: keep_mask(x, self._convert_one(x)), values)
        return map_structure(self._convert_one, values)

    def _convert_one(self, x):
        if isinstance(x, np.ndarray):
            wanted = self.input_dtype
            if self.autocast and x.dtype.kind == "f" and dtype_of(x) != wanted and wanted[0] == "f":
                return x.astype(wanted)
            return x
        if isinstance(x, Tensor):
            wanted = self.input_dtype
            if self.autocast and x.dtype != wanted and x.dtype[0] == "f" and wanted[0] == "f":
                return ops.cast(x, wanted)
            return x
        if hasattr(x, "__array__") and not isinstance(x, (type, np.generic)) and not hasattr(x, "assign"):
            return self._convert_one(np.asarray(x))
        return x

    def _call(self, args, kwargs):
        try:
            return self._checked_call(args, kwargs)
        except Exception as error:
            told = call_error(self, args, kwargs, error) if self._explains_errors else None
            if told is None:
                raise
            raise told from error

    def _checked_call(self, args, kwargs):
        self._check_inputs(args, kwargs)
        self._maybe_build(args, kwargs)
        training, takes_training = self._resolve_training(kwargs)
        if takes_training:
            kwargs = {**kwargs, "training": training}
        masked = None
        if self._computes_mask or any_masks():
            masked = MaskedCall(self, self._parameters_of("call"), args, kwargs)
            kwargs = masked.kwargs
        with calling(training), scope(self.name):
            outputs = self.call(*args, **kwargs)
            if self.activity_regularizer is not None:
                self._regularize(outputs)
        return outputs if masked is None else masked.attach(outputs)

    def compute_mask(self, inputs, previous_mask):
        """The mask of the output (a bool array of its shape, or less of its axes), None for none; by default that of
        the input. It is asked for where `supports_masking`, and reaches the `mask` arguments of the layers that follow,
        losses and metrics. May be overridden, with `pykernels.ops`."""
        return previous_mask

    def _check_inputs(self, args, kwargs) -> None:
        spec = self.input_spec
        if spec is not None and (args or kwargs):
            assert_input_compatibility(spec, args[0] if args else next(iter(kwargs.values())), self.name)

    def _resolve_training(self, kwargs) -> tuple[bool | None, bool]:
        """The phase: the argument, else that of an outer call, else `call`'s default, else None, with which layers
        inside have their own defaults."""
        parameters = dict(_parameters(type(self).call))
        training = kwargs.get("training")
        if training is None:
            training = training_phase()
        default = parameters.get("training")
        if training is None and default not in (None, inspect.Parameter.empty):
            training = default
        takes = "training" in parameters
        if not takes:
            kwargs.pop("training", None)
        return (None if training is None else bool(training)), takes

    @property
    def trains_by_default(self) -> bool:
        """Whether a call that nobody tells the phase is one of training."""
        return dict(_parameters(type(self).call)).get("training") is True

    quantize = unsupported("quantize", _QUANTIZED)
    quantized_build = unsupported("quantized_build", _QUANTIZED)
    quantized_call = unsupported("quantized_call", _QUANTIZED)
    rematerialized_call = unsupported("rematerialized_call", "pass checkpoint_activations=True to Model.compile().")

    def stateless_call(
        self, trainable_variables, non_trainable_variables, *args, return_losses=False, **kwargs
    ) -> tuple:
        """Calls the layer for variables that are given as values: nothing of it changes.

        Args:
            trainable_variables, non_trainable_variables: lists of tensors or arrays, one for each variable of the
                attributes of these names.
            *args, **kwargs: as in `call`.
            return_losses: whether the losses of the call are returned too. Default False.

        Returns:
            `(outputs, non_trainable_variables)`, the second a list of the new values, or a tuple of three with the
            losses.

        Raises:
            ValueError: the layer is not built, or other numbers of values.
        """
        if not self.built:
            raise ValueError(
                f"To call stateless_call, {type(self).__name__} must be built (i.e. its variables must have been "
                "already created). You can build it by calling it on some data."
            )
        name = type(self).__name__
        state = check_state(
            name, "trainable_variables", trainable_variables, self.trainable_variables, "trainable_variables"
        ) + check_state(
            name,
            "non_trainable_variables",
            non_trainable_variables,
            self.non_trainable_variables,
            "non_trainable_variables",
        )
        with StatelessScope(state):
            outputs = self(*args, **kwargs)
            losses = list(self.losses) if return_losses else []
            updated = current_values(self.non_trainable_variables)
        self._clear_losses()
        return (outputs, updated, losses) if return_losses else (outputs, updated)

    def _regularize(self, outputs) -> None:
        for output in flatten(outputs):
            loss = self.activity_regularizer(output)
            if output.shape and output.shape[0]:
                loss = loss / output.shape[0]
            self.add_loss(loss)

    def _symbolic_call(self, args, kwargs):
        """The functional API: shapes are inferred by recording into a program that is thrown away."""
        budget = load_budget()
        if budget is not None:
            budget.call()
        results = inferred_outputs(self, args, kwargs)
        for i, tensor in enumerate(flatten(results)):
            check_shape(self, tensor.shape)
            tensor.name = self.name if i == 0 else f"{self.name}_{i}"
        Node(self, args, kwargs, results)
        return results

    def symbolic_call(self, *args, **kwargs):
        """What the layer gives for symbolic tensors, as symbolic tensors; the functional API asks it."""
        return self.compute_output_spec(*args, **kwargs)

    # --- shapes -----------------------------------------------------------------------------------------
    def compute_output_spec(self, *args, **kwargs):
        """Symbolic tensors with the shapes and dtypes of the output; by default `call` is recorded to find them."""
        if overridden_by_user(type(self), "compute_output_shape"):
            return declared_outputs(self, args, kwargs)
        return recorded_outputs(self, args, kwargs)

    def compute_output_shape(self, *args, **kwargs):
        """The shape of the output for inputs of the given shape. By default `call` is recorded to infer it."""
        shapes = [*args, *kwargs.values()]
        inputs = [map_shapes(lambda s: symbolic(s, self.compute_dtype), s) for s in shapes]
        if overridden_by_user(type(self), "compute_output_shape"):  # which asks for what is recorded
            outputs = recorded_outputs(self, inputs, {})
        else:
            outputs = self.compute_output_spec(*inputs)
        return map_structure(lambda t: tuple(t.shape), outputs)

    def _node(self, what: str) -> Node:
        if not self._inbound_nodes:
            raise AttributeError(f"The layer {self.name} has never been called and thus has no defined {what}.")
        return self._inbound_nodes[0]

    @property
    def output(self):
        """Symbolic output of the first call in the functional API or in a Sequential model."""
        outputs = self._node("output").output_tensors
        return outputs[0] if len(outputs) == 1 else outputs

    @property
    def input(self):
        """Symbolic input of the first call in the functional API or in a Sequential model."""
        inputs = self._node("input").input_tensors
        return inputs[0] if len(inputs) == 1 else inputs

    @property
    def output_shape(self):
        return map_structure(lambda t: t.shape, self.output)

    @property
    def input_shape(self):
        return map_structure(lambda t: t.shape, self.input)
