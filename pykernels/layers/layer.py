"""The base class of all layers."""

from __future__ import annotations

import functools
import inspect

import numpy as np

from .. import config as settings
from .. import ops, regularizers
from ..graph import Tensor, Trace, as_eager, current_path, current_trace, scope
from ..utils.naming import auto_name
from ..utils.tree import flatten, map_shapes, map_structure
from .context import calling, structure_changed, training_phase
from .input_spec import InputSpec, assert_input_compatibility
from .node import Node, outside_traces, symbolic
from .state import LayerState

_DTYPES = ("float32", "float64", "int32", "int64", "uint8", "bool")


def dtype_name(layer_name: str, dtype) -> str:
    """The name of a dtype given as a name, a NumPy type, a policy object or the dict that describes a policy."""
    if dtype is None:
        return settings.floatx()
    if isinstance(dtype, dict):
        dtype = dtype.get("config", {}).get("name", dtype)
    name = getattr(dtype, "name", dtype)
    if not isinstance(name, str):
        name = np.dtype(dtype).name
    if name not in _DTYPES:
        raise ValueError(f"Layer '{layer_name}': dtype '{name}' is not supported; use one of {', '.join(_DTYPES)}")
    return name


@functools.lru_cache(1024)
def _parameters(function) -> tuple[tuple[str, object], ...]:
    """(name, default) of the parameters of a `call` or `build`, without `self`."""
    parameters = list(inspect.signature(function).parameters.values())[1:]
    return tuple((p.name, p.default) for p in parameters)


def _tracked_build(build):
    @functools.wraps(build)
    def wrapper(self, *args, **kwargs):
        with scope(self.name), outside_traces():  # values assigned here are set, not recorded
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


class Layer(LayerState):
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

    # Package interface: `_inbound_nodes`, `_build_shapes_dict`, `_batch_shape_arg`, `_auto_config` (args and kwargs of
    # the constructor).

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        build = cls.__dict__.get("build")
        if build is not None and not getattr(build, "is_tracked_build", False):
            cls.build = _tracked_build(build)

    def __new__(cls, *args, **kwargs):
        layer = super().__new__(cls)
        layer._auto_config = (args, kwargs)
        return layer

    def __init__(self, *, activity_regularizer=None, trainable=True, dtype=None, autocast=True, name=None, **kwargs):
        if not isinstance(trainable, bool):
            raise ValueError(
                f"Expected `trainable` to be a boolean. Received: trainable={trainable} (of type {type(trainable)})"
            )
        if name is not None and not isinstance(name, str):
            raise ValueError(f"Expected `name` to be a string. Received: name={name} (of type {type(name)})")
        self.name = name or auto_name(type(self).__name__)
        self._init_state(trainable)
        self._dtype = dtype_name(self.name, dtype)
        self.autocast = autocast
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.supports_masking = False
        self.input_spec: InputSpec | list | None = None
        self.built = False
        self._build_shapes_dict: dict | None = None
        self.path: str | None = None  # the names of the layers that it was built within, and its own
        self._inbound_nodes: list[Node] = []
        self._batch_shape_arg = self._shape_argument(kwargs)
        self._initial_weights = kwargs.pop("weights", None)
        if kwargs:
            raise ValueError(f"Unrecognized keyword arguments passed to {type(self).__name__}: {kwargs}")

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

    def __repr__(self):
        return f"<{type(self).__name__} name={getattr(self, 'name', '?')}, built={getattr(self, 'built', False)}>"

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

    def _maybe_build(self, args, kwargs) -> None:
        if self.built:
            return
        given = {name: value for (name, _), value in zip(_parameters(type(self).call), args, strict=False)}
        given.update(kwargs)
        shapes = {
            f"{name}_shape": map_structure(lambda x: tuple(x.shape), value)
            for name, value in given.items()
            if flatten(value) and all(hasattr(x, "shape") for x in flatten(value))
        }
        names = [name for name, _ in _parameters(type(self).build)]
        if len(names) > 1 and all(name in shapes for name in names):
            self.build(**{name: shapes[name] for name in names})
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
        return as_eager(self._call(args, kwargs))

    def _convert(self, values):
        return map_structure(self._convert_one, values)

    def _convert_one(self, x):
        if isinstance(x, np.ndarray):
            if self.autocast and x.dtype.kind == "f" and x.dtype.name != self._dtype and self._dtype[0] == "f":
                return x.astype(self._dtype)
            return x
        if isinstance(x, Tensor):
            if self.autocast and x.dtype != self._dtype and x.dtype[0] == "f" and self._dtype[0] == "f":
                return ops.cast(x, self._dtype)
            return x
        if hasattr(x, "__array__") and not isinstance(x, (type, np.generic)) and not hasattr(x, "assign"):
            return self._convert_one(np.asarray(x))
        return x

    def _call(self, args, kwargs):
        self._check_inputs(args, kwargs)
        self._maybe_build(args, kwargs)
        training, takes_training = self._resolve_training(kwargs)
        if takes_training:
            kwargs = {**kwargs, "training": training}
        with calling(training), scope(self.name):
            outputs = self.call(*args, **kwargs)
            if self.activity_regularizer is not None:
                self._regularize(outputs)
        return outputs

    def _check_inputs(self, args, kwargs) -> None:
        if self.input_spec is None:
            return
        if args:
            assert_input_compatibility(self.input_spec, args[0], self.name)
        elif kwargs:
            assert_input_compatibility(self.input_spec, next(iter(kwargs.values())), self.name)

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

    def _regularize(self, outputs) -> None:
        for output in flatten(outputs):
            loss = self.activity_regularizer(output)
            if output.shape and output.shape[0]:
                loss = loss / output.shape[0]
            self.add_loss(loss)

    def _symbolic_call(self, args, kwargs):
        """The functional API: shapes are inferred by recording into a program that is thrown away."""
        with Trace():
            outputs = self._call(args, dict(kwargs))
        self._clear_losses()
        results = map_structure(lambda t: symbolic(t.shape, _dtype_of(t)), outputs)
        for i, tensor in enumerate(flatten(results)):
            tensor.name = self.name if i == 0 else f"{self.name}_{i}"
        Node(self, args, kwargs, results)
        return results

    # --- shapes -----------------------------------------------------------------------------------------
    def compute_output_shape(self, *args, **kwargs):
        """The shape of the output for inputs of the given shape. By default `call` is recorded to infer it."""
        shapes = [*args, *kwargs.values()]
        inputs = [map_shapes(lambda s: symbolic(s, self.compute_dtype), s) for s in shapes]
        with Trace():
            outputs = self._call(inputs, {})
        self._clear_losses()
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

    # --- configuration ----------------------------------------------------------------------------------
    def get_config(self) -> dict:
        """The arguments of the constructor as a dict of plain values. A subclass adds its own to
        `super().get_config()`."""
        config = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": {
                "module": "keras",
                "class_name": "DTypePolicy",
                "config": {"name": self._dtype},
                "registered_name": None,
            },
        }
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        if getattr(type(self).get_config, "is_automatic", False):
            config.update(self._automatic_config())
        return config

    get_config.is_automatic = True

    def _automatic_config(self) -> dict:
        """Arguments of a subclass without `get_config`, as it was called; they must be plain values."""
        args, kwargs = self._auto_config
        signature = inspect.signature(type(self).__init__)
        rest = {p.name: p.kind for p in signature.parameters.values() if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
        values = {}
        for name, value in list(signature.bind(self, *args, **kwargs).arguments.items())[1:]:
            if name not in rest:
                values[name] = value
            elif rest[name] is inspect.Parameter.VAR_KEYWORD:
                values.update(value)
        plain = (str, int, float, bool, type(None))
        for name, value in values.items():
            if name not in ("name", "trainable", "dtype") and not all(isinstance(x, plain) for x in flatten(value)):
                raise NotImplementedError(
                    f"Object {type(self).__name__} was created by passing non-serializable argument values in "
                    f"`__init__()` ('{name}'), and therefore the object must override `get_config()` in order to be "
                    "serializable."
                )
        return {name: value for name, value in values.items() if name not in ("name", "trainable", "dtype")}

    @classmethod
    def from_config(cls, config):
        """Makes a layer from the dict that `get_config` returned."""
        try:
            return cls(**config)
        except TypeError as error:
            raise TypeError(
                f"Error when deserializing class '{cls.__name__}' using config={config}.\n\n"
                f"Exception encountered: {error}"
            ) from error

    def get_build_config(self) -> dict | None:
        """A dict with the shapes that `build` was called with, for saving; None before `build`."""
        shapes = self._build_shapes_dict
        if not shapes:
            return None
        if len(shapes) == 1:
            return {"input_shape": next(iter(shapes.values()))}
        return {"shapes_dict": shapes}

    def build_from_config(self, config: dict) -> None:
        """Builds the layer from the dict that `get_build_config` returned."""
        if "input_shape" in config:
            self.build(map_shapes(tuple, config["input_shape"]))
        elif "shapes_dict" in config:
            self.build(**{name: map_shapes(tuple, shape) for name, shape in config["shapes_dict"].items()})

    def __getstate__(self):
        """Copies and pickles are by value; symbolic tensors stay behind (models make theirs again)."""
        state = self.__dict__.copy()
        state.pop("_walk", None)
        state["_inbound_nodes"] = []
        state["_losses"] = []
        state["_auto_config"] = self._auto_config if getattr(type(self).get_config, "is_automatic", False) else ((), {})
        return state


def _dtype_of(t) -> str:
    return t.dtype if isinstance(t.dtype, str) else t.dtype.name
