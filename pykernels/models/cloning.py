"""Copies of models with new weights, and models from JSON."""

from __future__ import annotations

from ..graph import Tensor
from ..layers.input_layer import InputLayer
from ..saving.errors import reading
from ..saving.model_files import build_model, parse_json
from ..utils import serialization
from ..utils.load_budget import LoadBudget
from ..utils.system_memory import physical_memory
from ..utils.tree import flatten, map_structure
from .functional import Functional
from .model import takes_ends
from .sequential import Sequential


def model_from_json(json_string, custom_objects=None):
    """Makes a model, with new weights, from the JSON of `Model.to_json` of pykernels or any version of Keras.

    Args:
        json_string: str.
        custom_objects: dict of name -> class or function. Default None.

    Returns:
        A `Model`.

    Raises:
        ValueError: not the JSON of a model.
        TypeError: an unknown class; pass it in `custom_objects`.
    """
    name = "The JSON text"
    with reading(name), LoadBudget(name, len(json_string), initialize=True) as budget:
        return _from_config(parse_json(json_string, name), custom_objects, name, budget)


def model_from_config(config, custom_objects=None):
    """Makes a model, with new weights, from a configuration of pykernels or any version of Keras.

    Args:
        config: dict with `class_name` and `config`.
        custom_objects: dict of name -> class or function. Default None.

    Returns:
        A `Model`.

    Raises:
        TypeError: an unknown class.
    """
    if isinstance(config, list):
        raise TypeError(
            f"`model_from_config` expects a dictionary, not a list. Received: config={str(config)[:200]}. Did you mean "
            "to use `Sequential.from_config(config)`?"
        )
    name = "The configuration"
    with LoadBudget(name, len(str(config)), initialize=True) as budget:
        return _from_config(config, custom_objects, name, budget)


def model_from_yaml(yaml_string, custom_objects=None):
    """Refused, as in Keras: reading YAML can run code.

    Args:
        yaml_string: str.
        custom_objects: as in `model_from_json`.

    Raises:
        RuntimeError: always.
    """
    raise RuntimeError(
        "Method `model_from_yaml()` has been removed due to security risk of arbitrary code execution. Please use "
        "`Model.to_json()` and `model_from_json()` instead."
    )


def _from_config(config, custom_objects, name: str, budget: LoadBudget):
    budget.allow_variables(physical_memory() // 8)
    with serialization.custom_object_scope(custom_objects or {}), serialization.object_sharing_scope():
        return build_model(config, custom_objects, name)


def clone_model(model, input_tensors=None, clone_function=None, call_function=None, recursive=False, **kwargs):
    """Makes a model with the same layers and new weights. It is compiled if `model` is.

    A subclass whose constructor has other arguments than inputs and outputs (or a list of layers) becomes a functional
    model (or `Sequential`) of its layers, as in Keras.

    Args:
        model: `Sequential` or functional model.
        input_tensors: symbolic tensors or `InputLayer`s that are used as the inputs. Default None: new inputs.
        clone_function: callable `(layer)` that returns a layer, for each layer but the inputs. Default None: a layer
            with the same configuration.
        call_function: callable `(layer, *args, **kwargs)` that returns the outputs, for functional models. Default
            None.
        recursive: whether nested models are cloned in the same way. Default False.

    Returns:
        A `Model`.

    Raises:
        ValueError: a subclassed model without a graph, or arguments that contradict each other.
    """
    if kwargs:
        raise ValueError(f"Unexpected keyword argument(s): {tuple(kwargs)}")
    stack = getattr(model, "_stack", None)
    graph = getattr(model, "_graph", None)
    if stack is None and graph is None:
        raise ValueError(
            f"Model '{getattr(model, 'name', model)}' cannot be cloned: its structure is in its code. "
            "Use model.__class__.from_config(model.get_config())."
        )
    if stack is not None and call_function is not None:
        raise ValueError(
            "`call_function` argument is not supported with Sequential models. In a Sequential model, "
            "layers aren't called at model-construction time (they're merely listed). Use it with "
            "Functional models only."
        )
    functions = _Functions(clone_function, call_function, recursive)
    if stack is not None:
        return _clone_sequential(model, input_tensors, functions)
    return _clone_functional(model, input_tensors, functions)


class _Functions:
    def __init__(self, clone_function, call_function, recursive):
        self._clone = clone_function or _copy_of
        self._call = call_function or (lambda layer, *args, **kwargs: layer(*args, **kwargs))
        self._recursive = recursive
        self._given = clone_function, call_function
        self._made: dict[int, object] = {}

    def clone(self, layer):
        made = self._made.get(id(layer))
        if made is None:
            if self._recursive and hasattr(layer, "_graph"):
                clone_function, call_function = self._given
                call_function = None if hasattr(layer, "_stack") else call_function
                made = clone_model(layer, None, clone_function, call_function, True)
            elif isinstance(layer, InputLayer):
                made = _copy_of(layer)
            else:
                made = self._clone(layer)
            self._made[id(layer)] = made
        return made

    def call(self, step, args, kwargs):
        if isinstance(step.target, str):
            return step.apply(args, kwargs)
        return self._call(self.clone(step.target), *args, **kwargs)


def _copy_of(layer):
    return type(layer).from_config(layer.get_config())


def _clone_sequential(model, input_tensors, functions):
    layers = [functions.clone(layer) for layer in model.layers]
    first = model._stack[0] if model._stack and isinstance(model._stack[0], InputLayer) else None
    if input_tensors is not None:
        given = flatten(input_tensors)
        if len(given) != 1:
            raise ValueError(f"Argument `input_tensors` must contain a single tensor. Received: {input_tensors}")
        layers.insert(0, _input_of(given[0]))
    elif first is not None:
        layers.insert(0, _copy_of(first))
    cls = type(model) if type(model).__init__ is Sequential.__init__ else Sequential
    return _compiled_like(model, cls(layers, name=model.name, trainable=model.trainable))


def _input_of(x):
    if isinstance(x, InputLayer):
        return x
    history = getattr(x, "_keras_history", None)
    if history is not None and isinstance(history.operation, InputLayer):
        return history.operation
    if isinstance(x, Tensor):
        return InputLayer(input_tensor=x, name=x.name)
    raise ValueError(f"`input_tensors` takes symbolic tensors made by Input. Received: {x} of type {type(x)}")


def _clone_functional(model, input_tensors, functions):
    graph = model._graph
    if input_tensors is None:
        inputs = map_structure(lambda t: functions.clone(t._keras_history.operation).output, graph.inputs_struct)
    else:
        inputs = map_structure(lambda x: _input_of(x).output, input_tensors)
        if len(flatten(inputs)) != len(graph.inputs):
            raise ValueError(
                f"`input_tensors` must have the structure of the model's inputs, {len(graph.inputs)} tensors. "
                f"Received: {len(flatten(inputs))}"
            )
    outputs = graph.replay(flatten(inputs), functions.call)
    cls = type(model) if takes_ends(type(model)) else Functional
    return _compiled_like(model, cls(inputs, outputs, name=model.name))


def _compiled_like(model, clone):
    if model.compiled:
        clone.compile_from_config(model.get_compile_config())
    return clone
