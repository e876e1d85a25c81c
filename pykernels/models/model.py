"""Models: layers with inputs and outputs that can be trained, summarized and saved."""

from __future__ import annotations

import contextlib
import inspect

import numpy as np

from .. import ops
from ..compat.arguments import translate
from ..data_adapters.arrays import Data, make_data
from ..graph import (
    EagerArray,
    Tensor,
    Trace,
    Variable,
    as_eager,
    current_trace,
    is_recorded,
    reading,
    recorders,
    stateless_scopes,
)
from ..layers.context import StructureVersion, inside_a_layer, part_of, running_part, training_phase
from ..layers.host_part import HostPart
from ..layers.input_spec import InputSpec
from ..layers.layer import Layer
from ..layers.layer_graph import LayerGraph
from ..layers.masking import keep_mask
from ..layers.node import symbolic
from ..training.custom_steps import has_own_step
from ..training.step_programs import StepSignature, step_signature
from ..training.trainer import Trainer
from ..utils.masks import any_masks, set_mask
from ..utils.tree import flatten, map_shapes, map_structure, tree_size, tree_unflatten
from .added_terms import AddedTerms
from .saving_mixin import SavingMixin
from .summary import print_summary

_DIRECT_KEPT = 64  # batch shapes for which the short way is remembered


class Model(Trainer, SavingMixin, Layer):
    """A model: `Model(inputs, outputs)` of symbolic tensors, or a subclass with its own `call`.

    Args:
        inputs: symbolic tensor made by `Input`, or a list or dict of these.
        outputs: symbolic tensor computed from the inputs, or a list or dict of these.
        name: str. Default None: the class name, made unique.
        trainable: whether training updates the model. Default True.

    Raises:
        ValueError: tensors that are not symbolic or not connected.
    """

    # Package interface: `_graph` (the `LayerGraph`; None for a subclass with a `call`), `_free_inputs`, `_free_outputs`
    # and `_free_input_spec` (what such a subclass takes and gives, once called), `_pack_inputs`, `_output_shapes`,
    # `_run_watched`, `_functional_class`.

    _not_state = Layer._not_state | {
        "_added",
        "_compile_config",
        "_compiled",
        "_direct_runs",
        "_host_part",
        "_held_metrics",
        "_loss_tracker",
        "_programs",
        "_metrics_state",
        "_step_logs",
        "_flags",
        "_history",
        "_resumption",
        "_running",
        "history",
        "optimizer",
    }

    _bookkeeping = Layer._bookkeeping | {
        "stop_training",
        "stop_evaluating",
        "stop_predicting",
        "compiled",
        "_predicted",
    }
    remade_to_assign = False

    # The class of `Model(inputs, outputs)`; set where it is defined.
    _functional_class: type | None = None

    def __new__(cls, *args, **kwargs):
        kwargs = translate("Model", kwargs)
        if cls is Model and (len(args) >= 2 or "outputs" in kwargs):
            return super().__new__(Model._functional_class)
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, *args, **kwargs):
        kwargs = translate("Model", kwargs)
        graph = None
        if len(args) >= 2 or "outputs" in kwargs:
            names = ("inputs", "outputs", "name")
            arguments = {**dict(zip(names, args, strict=False)), **kwargs}
            args = ()
            if "inputs" not in arguments:
                raise TypeError("Model() needs both `inputs` and `outputs`")
            graph = LayerGraph(arguments.pop("inputs"), arguments.pop("outputs"))
            kwargs = arguments
        if args:
            raise TypeError(f"Model() takes (inputs, outputs) or keyword arguments. Received: {args}")
        trainable = kwargs.pop("trainable", None)
        Layer.__init__(self, **kwargs)
        self._init_trainer()
        self._graph: LayerGraph | None = graph
        self._free_inputs: list[tuple] | None = None
        self._direct_runs: dict = {}
        self._direct_version = -1
        if graph is not None:
            self.built = True
            if takes_ends(type(self)):
                self._auto_config = ((), {})
        if trainable is not None:
            self.trainable = trainable

    # --- structure ----------------------------------------------------------------------------------------
    @property
    def layers(self) -> list[Layer]:
        """The layers of the model, in order."""
        return self._sublayers()

    @layers.setter
    def layers(self, value):
        raise AttributeError("`Model.layers` attribute is reserved and should not be used. Please use another name.")

    def _sublayers(self) -> list:
        own = self._graph.layers if self._graph is not None else []
        own = own if self._added is None else [*own, *self._added.layers]
        known = {id(layer) for layer in own}
        return [*own, *(layer for layer in super()._sublayers() if id(layer) not in known)]

    def get_layer(self, name=None, index=None) -> Layer:
        """Finds a layer.

        Args:
            name: str, the name of the layer.
            index: int, its index in `layers`; exactly one of the two is given.

        Returns:
            A `Layer`.

        Raises:
            ValueError: no such layer, or not exactly one argument.
        """
        if index is not None and name is not None:
            raise ValueError(f"Provide only a layer name or a layer index. Received: index={index}, name={name}.")
        if index is not None:
            if len(self.layers) <= index:
                raise ValueError(
                    f"Was asked to retrieve layer at index {index} but model only has {len(self.layers)} layers."
                )
            return self.layers[index]
        if name is None:
            raise ValueError("Provide either a layer name or layer index at `get_layer`.")
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise ValueError(f"No such layer: {name}. Existing layers are: {[layer.name for layer in self.layers]}.")

    def _graph_attribute(self, name: str):
        if self._graph is None:
            raise AttributeError(f"{type(self).__name__} model '{self.name}' has no defined {name} yet.")
        return getattr(self._graph, name)

    inputs = property(lambda self: self._graph_attribute("inputs"))
    outputs = property(lambda self: self._graph_attribute("outputs"))
    input = property(lambda self: self._graph_attribute("inputs_struct"))
    output = property(lambda self: self._graph_attribute("outputs_struct"))

    @property
    def input_shape(self):
        shapes = [t.shape for t in self.inputs]
        return shapes[0] if len(shapes) == 1 else shapes

    @property
    def output_shape(self):
        if self._graph is not None:
            self._graph.follow_assignments()
        shapes = [t.shape for t in self.outputs]
        return shapes[0] if len(shapes) == 1 else shapes

    @property
    def input_types(self) -> list[tuple]:
        """A list of (shape with the batch axis, dtype) of the inputs; empty if they are not known yet."""
        return [(t.shape, t.dtype) for t in self._graph.inputs] if self._graph is not None else []

    @property
    def host_part(self) -> HostPart | None:
        """The lookups of words that the model begins with, which NumPy computes before a step; None without."""
        graph = self._graph
        if graph is None:
            return None
        known = self.__dict__.get("_host_part")
        if known is None or known[0] is not graph:
            known = self.__dict__["_host_part"] = (graph, HostPart.of(graph))
        return known[1]

    @property
    def step_input_types(self) -> list[tuple]:
        """As `input_types`, of what a program takes: behind the lookups that a model begins with."""
        part = self.host_part
        return self.input_types if part is None else part.input_types

    def encode_inputs(self, xs: list) -> list:
        """Arrays for the model's inputs as a program takes them: words become indices."""
        part = self.host_part
        return xs if part is None else part.encode(xs)

    @property
    def input_names(self) -> list[str]:
        return [_origin_name(t) for t in self._graph.inputs] if self._graph is not None else []

    @property
    def output_names(self) -> list[str]:
        return [_origin_name(t) for t in self._graph.outputs] if self._graph is not None else []

    @property
    def hands_masks_on(self) -> bool:
        return self._graph is not None and not self._computes_mask

    takes_one_input = False  # whether a list given as x is one array

    def _pack_inputs(self, xs: list):
        """A flat list of inputs in the structure that `call` takes."""
        if self.host_part is not None or part_of(self) is not None:
            return xs
        if self._graph is not None:
            leaves = iter(xs)
            return map_structure(lambda _: next(leaves), self._graph.inputs_struct)
        spec = self._free_input_spec
        if spec is not None and tree_size(spec) == len(xs):
            return tree_unflatten(spec, xs)
        return xs[0] if len(xs) == 1 else xs

    @property
    def output_count(self) -> int | None:
        """The number of outputs; None if it is not known yet."""
        if self._graph is not None:
            return len(self._graph.outputs)
        return None if self._free_outputs is None else len(flatten(self._free_outputs))

    def _output_shapes(self) -> list[tuple | None]:
        """Shape of one prediction of each output, None where it is not known before running."""
        if self._graph is None:
            return [] if self._free_outputs is None else [output.shape for output in flatten(self._free_outputs)]
        self._graph.follow_assignments()
        return [_shape_of_one(t) for t in self._graph.outputs]

    # The outputs of a model whose code says what it computes, in their structure; None while that is not known.
    _free_outputs = None
    # How such a model was last given inputs other than one array (see structure.py).
    _free_input_spec = None

    def reset_states(self) -> None:
        """Sets the states of all stateful layers to zeros."""
        for layer in self._flatten_layers():
            if layer is not self and getattr(layer, "stateful", False):
                layer.reset_states()

    # --- calling ------------------------------------------------------------------------------------------
    def call(self, inputs, training=None, mask=None):
        if self._graph is None:
            raise NotImplementedError(f"Model {type(self).__name__} does not have a `call()` method implemented.")
        part = part_of(self)
        if part is not None:
            return part.run(flatten(inputs))
        xs = self._cast_inputs(flatten(self._in_order_of_names(inputs)))
        for x, x_mask in zip(xs, flatten(self._in_order_of_names(mask)), strict=False):
            if x_mask is not None:
                set_mask(x, x_mask)
        return self._graph.run(xs) if self._added is None else self._added.run(self, xs)

    _added: AddedTerms | None = None  # what add_loss and add_metric added from outside

    def add_loss(self, loss) -> None:
        """Adds a loss: a value computed in `call`, or, as in Keras 2, a symbolic tensor computed from the inputs of the
        model (which files of the model do not hold).

        Args:
            loss: scalar tensor, or a list of them.

        Raises:
            ValueError: a callable, or a symbolic tensor that the inputs do not lead to.
        """
        for item in loss if isinstance(loss, (list, tuple)) else [loss]:
            if isinstance(item, Tensor) and current_trace() is None and self._graph is not None:
                self._added_terms().add_loss(item)
            else:
                super().add_loss(item)

    def add_metric(self, value, name=None, aggregation=None, **kwargs) -> None:
        """Adds a metric, as `Layer.add_metric`; also of a symbolic tensor computed from the inputs of the model."""
        if isinstance(value, Tensor) and current_trace() is None and self._graph is not None:
            self._check_metric(name, aggregation, kwargs)
            self._added_terms().add_metric(name, value)
        else:
            super().add_metric(value, name, aggregation, **kwargs)

    def _added_terms(self) -> AddedTerms:
        if self._added is None:
            self._added = AddedTerms(self._graph)
        self._programs.clear()
        self._direct_runs = {}
        return self._added

    def _in_order_of_names(self, inputs):
        if isinstance(inputs, dict) and not isinstance(self._graph.inputs_struct, dict):
            return [inputs[name] for name in self.input_names]
        return inputs

    def _cast_inputs(self, inputs: list) -> list:
        want = self._graph.inputs
        if len(inputs) != len(want):
            raise ValueError(
                f'Layer "{self.name}" expects {len(want)} input(s), but it received {len(inputs)} input tensors.'
            )
        return [
            x if str(x.dtype) == t.dtype else keep_mask(x, ops.cast(x, t.dtype))
            for x, t in zip(inputs, want, strict=True)
        ]

    def __call__(self, *args, **kwargs):
        """The outputs of the model for arrays or symbolic tensors. Without `training`, layers behave as by default:
        random
        image layers change their inputs, all others work as in `predict`."""
        training = kwargs.get("training")
        if training is None:  # a model within a model or layer that is called
            training = training_phase()
        if len(args) == 1 and not training and (not kwargs or [*kwargs] == ["training"]) and not any_masks():
            run = self._direct(args[0], training)
            if run is not None:
                return as_eager(run((args[0],), self._next_run())[0])
        if not args or "_graph" not in self.__dict__ or any(_in_a_graph(x) for x in flatten(args[0])):
            return as_eager(super().__call__(*args, **kwargs))
        args = (self._as_inputs(args[0]), *args[1:])
        outermost = current_trace() is None and not inside_a_layer()
        part = None if self.host_part is None else self.host_part.tail
        with reading(self.weights) if outermost else contextlib.nullcontext(), running_part(self, part):
            return as_eager(super().__call__(*args, **kwargs))

    def _as_inputs(self, x):
        """Arrays in the structure and of the dtypes that `call` takes."""
        if self._graph is None and isinstance(x, dict):
            return x
        data = make_data(self, x, may_be_empty=True)
        self._build_from(data, call=False)
        types = self.step_input_types or [(None, None)] * len(data.xs)
        xs = [np.asarray(x[:], dtype) for x, (_, dtype) in zip(data.xs, types, strict=True)]
        if any_masks():
            for old, new in zip(flatten(x), xs, strict=False):
                keep_mask(old, new)
        return self._pack_inputs(xs)

    def _next_run(self) -> int:
        """The number of a run outside of training: layers that draw random numbers then draw new ones each time."""
        self._runs_done += 1
        return self._runs_done

    def _direct(self, x, training):
        """For one plain array that fits: the program's own function, found again at little cost. Else None."""
        if type(x) not in (np.ndarray, EagerArray) or current_trace() is not None or recorders() or stateless_scopes():
            return None

        if self._direct_version != StructureVersion.value:
            self._programs.validate(self)
            self._direct_runs = {}
            self._direct_version = StructureVersion.value
            self._trains_by_default = any(layer.trains_by_default for layer in self._flatten_layers())
        if training is None and self._trains_by_default:
            return None
        key = (x.shape, x.dtype)
        run = self._direct_runs.get(key)
        if run is None:
            run = self._make_direct(x)
            if run is not None and len(self._direct_runs) < _DIRECT_KEPT:
                self._direct_runs[key] = run
        return run

    def _make_direct(self, x):
        graph = self._graph
        if graph is None or len(graph.inputs) != 1 or not isinstance(graph.returned_struct, Tensor):
            return None
        if has_own_step(self, "predict") or self.host_part is not None:
            return None
        want, dtype = self.input_types[0]
        fits = len(want) == x.ndim and all(w in (None, h) for w, h in zip(want, x.shape, strict=True))
        if not fits or x.dtype.kind not in "fiub" or x.dtype.itemsize > 8 or x.shape[0] == 0:
            return None
        return self._programs.get(self, "predict", StepSignature(x.shape[0], ((x.shape, dtype),))).run

    def _build_from(self, data: Data, call=True) -> None:
        """Makes the variables of a model that waited for data."""
        if self._graph is None and call:
            specs = [((None, *shape[1:]), dtype) for shape, dtype in step_signature(self, data, 1, False).xs]
            if specs != self._free_inputs:
                with Trace():
                    outputs = self._first_call(specs, data)
                self._clear_losses()
                self._free_inputs = specs
                self._free_outputs = map_structure(lambda t: _FreeOutput(_shape_of_one(t)), outputs)
            self.built = True

    def _first_call(self, specs, data: Data):
        """Calls a subclass on symbolic tensors of unknown batch size; of the data's, if its code needs a number."""
        try:
            return self(self._pack_inputs([symbolic(*spec) for spec in specs]))
        except TypeError:
            return self(self._pack_inputs([symbolic((data.rows, *shape[1:]), dtype) for shape, dtype in specs]))

    def _run_watched(self, xs: list, watch) -> None:
        """Runs layer by layer on arrays and tells `watch(name, layer, results)` of each."""
        if self._graph is not None:

            def tell(step, results):
                layer = None if isinstance(step.target, str) else step.target
                watch(layer.name if layer is not None else step.target, layer, results)

            (part_of(self) or self._graph).run(xs, tell)
        else:
            watch(self.name, self, Layer.__call__(self, self._pack_inputs(xs)))

    @property
    def input_spec(self):
        if self._graph is None:
            return self._input_spec
        if part_of(self) is not None:
            return None
        return [
            InputSpec(shape=(None, *t.shape[1:]), allow_last_axis_squeeze=True, name=_origin_name(t))
            for t in self._graph.inputs
        ]

    @input_spec.setter
    def input_spec(self, value):
        self._input_spec = value

    def build(self, input_shape=None):
        """Makes the variables for inputs of this shape, the batch included (None for any); a list or dict of shapes for
        several inputs."""
        self.built = True  # so that the call below does not build again
        if self._graph is None and input_shape is not None and type(self).call is not Model.call:
            with Trace():
                self(map_shapes(lambda shape: symbolic(shape, self.compute_dtype), input_shape))
            self._clear_losses()

    # --- configuration --------------------------------------------------------------------------------------
    def get_config(self) -> dict:
        """The calls between the layers where the model is made from inputs and outputs, else the constructor's
        arguments. A subclass with a constructor of its own adds those that are no plain values."""
        if self._graph is not None and takes_ends(type(self)):
            return Model._functional_class.get_config(self)
        return super().get_config()

    get_config.is_automatic = True

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """The model, with new weights, that `get_config` described."""
        if takes_ends(cls) and {"layers", "input_layers", "output_layers"} <= set(config):
            return Model._functional_class.from_config.__func__(cls, config, custom_objects)
        return super().from_config(config)

    # --- output -------------------------------------------------------------------------------------------
    def summary(
        self,
        line_length=None,
        positions=None,
        print_fn=None,
        expand_nested=False,
        show_trainable=False,
        layer_range=None,
    ):
        """Prints a table of the layers with output shapes and numbers of parameters, and the totals.

        Args:
            line_length: int, the width in characters. Default None: that of the terminal, at most 88.
            positions: list of floats, the ends of the columns as fractions of the width. Default None.
            print_fn: callable that is called once with the whole text. Default None: `print`.
            expand_nested: whether the layers of nested models are shown. Default False.
            show_trainable: whether a column shows which layers are trainable. Default False.
            layer_range: two names or regular expressions, the first and the last layer to show. Default None.
        """
        print_summary(self, line_length, positions, print_fn, expand_nested, show_trainable, layer_range)

    def __getstate__(self):
        state = super().__getstate__()
        state.update(
            _direct_runs={},
            _direct_version=-1,
            _host_part=None,
            _held_metrics=(-1,),
            _metrics_state=None,
            _history=None,
            _running=None,
            _resumption=None,
        )
        return state


def takes_ends(cls: type) -> bool:
    """Whether the constructor of a model class takes inputs and outputs."""
    spec = inspect.getfullargspec(inspect.unwrap(cls.__init__))
    return spec.args[1:] == ["inputs", "outputs", "name"] or (
        not spec.args[1:] and None not in (spec.varargs, spec.varkw)
    )


def _in_a_graph(x) -> bool:
    """Whether x is symbolic, a variable, or an array through which a tape follows gradients."""
    return (
        isinstance(x, (Tensor, Variable))
        or is_recorded(x)
        or any(tape.watched_array(x) is not None for tape in recorders())
    )


class _FreeOutput:
    """An output of which only the shape of one prediction is kept (None where it varies)."""

    def __init__(self, shape: tuple | None):
        self.shape = shape


def _shape_of_one(tensor) -> tuple | None:
    shape = tuple(tensor.shape[1:])
    return None if None in shape else shape


def _origin_name(tensor) -> str:
    history = getattr(tensor, "_keras_history", None)
    return history.operation.name if history is not None else tensor.name or tensor.node.name
