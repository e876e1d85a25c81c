"""The state of a layer: its variables, those of the layers within it, its losses."""

from __future__ import annotations

import inspect
import math

import numpy as np

from .. import initializers
from ..graph import Tensor, Variable, current_trace, reading, writing
from ..utils.load_budget import load_budget
from .assignment import assigned, concerns_programs, follow_on_variables, same
from .context import StructureVersion, inside_a_layer, structure_changed

# Attributes of these types never hold state.
_PLAIN = (str, int, float, bool, type(None), np.ndarray)


_MISSING = object()

_LARGE = 1 << 22  # bytes of variables that are worth not writing twice


def _zeros(shape, dtype):
    """Zeros that take no memory."""
    return np.broadcast_to(np.zeros((), dtype), shape)


def _contents(value):
    """Leaves of an attribute's value: itself, or what lists, tuples and dicts hold."""
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _contents(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _contents(item)
    else:
        yield value


def _says_itself(layer, *names) -> str | None:
    """The first of these properties that the class of a layer overrides."""
    return next((name for name in names if getattr(type(layer), name) is not getattr(LayerState, name)), None)


class LayerState:
    """Variables are found where they are held: made by `add_weight`, or kept in attributes of the layer (also in
    lists, tuples and dicts); those of sublayers follow. The order is that of creation, trainable ones first.

    What is found is kept until something changes: see `StructureVersion`.
    """

    # Package interface: `_flatten_layers`, `_sublayers`, `_own_variables`, `_trainable_variables`,
    # `_non_trainable_variables`, `_trainable`, `_held`, `_losses`, `_clear_losses`, `_not_state`, `_bookkeeping`.

    # Attributes that never hold state of the layer's own, or would lead out of it.
    _not_state = frozenset({"_inbound_nodes", "_auto_config", "_losses", "_walk"})

    # Attributes that no program depends on, and `trainable`, of which caches know.
    _bookkeeping = frozenset(
        ("name", "path", "built", "trainable", "_name", "_making", "_inherited", "_own_private", "_revision")
    )

    # Arguments of the constructor that decide what weights the layer has: once it is built, they stay.
    decides_weights: frozenset[str] = frozenset()

    # Whether an argument that is assigned is given to the constructor (see `assignment.assigned`).
    remade_to_assign = True

    def __setattr__(self, name, value):
        if not isinstance(value, _PLAIN) and name not in self._not_state:
            structure_changed()
        if self.__dict__.get("_making", 1) or inside_a_layer() or not concerns_programs(self, name):
            object.__setattr__(self, name, value)
        else:
            self._assign(name, value)

    def _assign(self, name, value) -> None:
        """An assignment by a user: programs that were recorded before are recorded again."""
        changed = False
        for key, new in assigned(self, name, value).items():
            old = self.__dict__.get(key, inspect.getattr_static(type(self), key, _MISSING))
            changed = changed or not (old is _MISSING or same(old, new))
            object.__setattr__(self, key, new)
            follow_on_variables(self, key, new)
        if changed:
            self._revised()

    def _learn(self, **values) -> None:
        """Sets attributes that the layer found out by itself, from data; as arguments of the constructor they would be
        refused. Programs that were recorded before are recorded again."""
        for name, value in values.items():
            object.__setattr__(self, name, value)
        self._revised()

    def _revised(self) -> None:
        self.__dict__["_revision"] = self.__dict__.get("_revision", 0) + 1
        structure_changed()

    def _init_state(self, trainable: bool) -> None:
        self._trainable = trainable
        self._trainable_variables: list[Variable] = []
        self._non_trainable_variables: list[Variable] = []
        self._losses: list = []

    # --- what is held ---------------------------------------------------------------------------------
    def _held(self):
        for key, value in self.__dict__.items():
            if not isinstance(value, _PLAIN) and key not in self._not_state:
                yield from _contents(value)

    def _sublayers(self) -> list:
        """The layers held by this one, each once."""
        found = {id(x): x for x in self._held() if isinstance(x, LayerState) and x is not self}
        return list(found.values())

    def _own_variables(self) -> list[Variable]:
        known = {id(v) for v in (*self._trainable_variables, *self._non_trainable_variables)}
        for x in self._held():
            if isinstance(x, Variable) and id(x) not in known:
                known.add(id(x))
                (self._trainable_variables if x.trainable else self._non_trainable_variables).append(x)
        return [*self._trainable_variables, *self._non_trainable_variables]

    def _walked(self) -> tuple[int, list, list]:
        """(version, the layers within this one, their and its own variables), found again after a change."""
        walk = self.__dict__.get("_walk")
        if walk is None or walk[0] != StructureVersion.value:
            version = StructureVersion.value
            layers = self._find_layers()
            walk = self.__dict__["_walk"] = (version, layers[1:], self._find_variables(layers))
        return walk

    def _find_layers(self) -> list:
        found: dict[int, LayerState] = {id(self): self}
        pending = self._sublayers()[::-1]
        while pending:
            layer = pending.pop()
            if id(layer) not in found:
                found[id(layer)] = layer
                pending.extend(layer._sublayers()[::-1])
        return list(found.values())

    def _find_variables(self, layers: list) -> list:
        found: dict[int, Variable] = {}
        silent: set[int] = set()  # layers within one that says itself what its variables are
        for layer in layers:
            if id(layer) in silent:
                continue
            own = layer is not self and _says_itself(layer, "weights", "variables")
            if own:
                silent.update(id(x) for x in layer._flatten_layers())
            found.update((id(v), v) for v in (getattr(layer, own) if own else layer._own_variables()))
        return list(found.values())

    def _flatten_layers(self) -> list:
        """This layer and those within it, depth first, each once."""
        return [self, *self._walked()[1]]

    @property
    def weights(self) -> list[Variable]:
        """All variables of the layer and of the layers inside it."""
        return list(self._walked()[2])

    @property
    def variables(self) -> list[Variable]:
        """`weights`."""
        return list(self._walked()[2])

    @property
    def trainable_weights(self) -> list[Variable]:
        """The variables that training updates."""
        return self._trained_of(self.weights)

    @property
    def trainable_variables(self) -> list[Variable]:
        """The variables that training changes."""
        return self._trained_of(self.variables)

    def _trained_of(self, variables: list) -> list[Variable]:
        if not self.trainable:
            return []
        found = [v for v in variables if v.trainable]
        for layer in self._walked()[1]:
            own = _says_itself(layer, "trainable_weights", "trainable_variables")
            if own:
                left = {id(v) for v in layer.weights} - {id(v) for v in getattr(layer, own)}
                found = [v for v in found if id(v) not in left]
        return found

    @property
    def non_trainable_weights(self) -> list[Variable]:
        return [v for v in self.weights if not v.trainable] if self.trainable else self.weights

    @property
    def non_trainable_variables(self) -> list[Variable]:
        return [v for v in self.variables if not v.trainable] if self.trainable else self.variables

    @property
    def trainable(self) -> bool:
        """Whether training updates the layer. Setting it also sets all layers inside. Compile the model again after a
        change."""
        return self._trainable

    @trainable.setter
    def trainable(self, value) -> None:
        value = bool(value)
        self._own_variables()  # finds those that only an attribute holds
        self._trainable = value
        for v in self._trainable_variables:
            v.trainable = value
        for layer in self._sublayers():
            layer.trainable = value
        structure_changed()

    # --- values -----------------------------------------------------------------------------------------
    def add_weight(
        self,
        shape=None,
        initializer=None,
        dtype=None,
        trainable=True,
        autocast=True,
        regularizer=None,
        constraint=None,
        aggregation="none",
        overwrite_with_gradient=False,
        name=None,
    ) -> Variable:
        """Adds a variable to the layer.

        Args:
            shape: tuple of ints. Default None: `()`.
            initializer: name, `Initializer` or callable `(shape, dtype)`. Default None: "glorot_uniform" for floats,
                "zeros" otherwise.
            dtype: name of a dtype. Default None: the dtype of the layer.
            trainable: whether training updates the variable. Default True.
            autocast, aggregation: accepted as in Keras. They have no effect: there is one device and one precision.
            regularizer: callable, whose value is added to the loss. Default None.
            constraint: callable, applied after each update. Default None.
            overwrite_with_gradient: not supported, must be False.
            name: str, the name of the variable.

        Returns:
            A `Variable`.
        """
        if overwrite_with_gradient:
            raise ValueError(f"Layer '{self.name}': add_weight(overwrite_with_gradient=True) is not supported")
        if isinstance(shape, str):  # Keras 1 and 2: add_weight(name, shape, ...)
            shape, name = (initializer if not isinstance(initializer, str) else None), shape
            initializer = None
        shape = () if shape is None else tuple(int(d) for d in shape)
        dtype = dtype or self.variable_dtype
        if initializer is None:
            initializer = "glorot_uniform" if str(dtype).startswith("float") else "zeros"
        initializer = initializers.get(initializer)
        budget, unfilled = load_budget(), False
        if budget is not None:
            budget.variable(self.name, shape)
            initializer = initializer if budget.initialize else _zeros
        unfilled = initializer is _zeros and 4 * math.prod(shape) >= _LARGE
        variable = Variable(
            initializer,
            shape=shape,
            dtype=str(dtype),
            trainable=trainable,
            name=name or "variable",
            regularizer=regularizer,
            constraint=constraint,
            filled=not unfilled,
        )
        if unfilled:
            budget.is_unfilled(variable)
        (self._trainable_variables if trainable else self._non_trainable_variables).append(variable)
        if not self.trainable:
            variable.trainable = False
        structure_changed()
        return variable

    def add_variable(
        self,
        shape,
        initializer,
        dtype=None,
        trainable=True,
        autocast=True,
        regularizer=None,
        constraint=None,
        name=None,
    ) -> Variable:
        """`add_weight`, under an older name."""
        return self.add_weight(
            shape=shape,
            initializer=initializer,
            dtype=dtype,
            trainable=trainable,
            autocast=autocast,
            regularizer=regularizer,
            constraint=constraint,
            name=name,
        )

    def get_weights(self) -> list[np.ndarray]:
        """The values of `weights` as a list of new arrays."""
        variables = self.weights
        with reading(variables):
            return [v.numpy() for v in variables]

    def set_weights(self, weights) -> None:
        """Sets the values of `weights`.

        Args:
            weights: list of arrays, in the order of `get_weights`.

        Raises:
            ValueError: another number of arrays or other shapes; no weight is changed.
        """
        variables = self.weights
        weights = list(weights)
        if len(variables) != len(weights):
            raise ValueError(
                f"You called `set_weights(weights)` on layer '{self.name}' with a weight list of length "
                f"{len(weights)}, but the layer was expecting {len(variables)} weights."
            )
        values = [np.asarray(w) for w in weights]
        for variable, value in zip(variables, values, strict=True):
            if variable.shape != value.shape:
                raise ValueError(
                    f"Layer {self.name} weight shape {variable.shape} is not compatible with provided weight shape "
                    f"{value.shape}."
                )
        with writing(variables):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)

    def save_own_variables(self, store) -> None:
        """Writes the variables of the layer itself to the dict-like `store`, as "0", "1", ...; may be overridden."""
        for i, variable in enumerate(self._own_variables()):
            store[str(i)] = variable.numpy()

    def load_own_variables(self, store) -> None:
        """Reads what `save_own_variables` wrote. Raises ValueError when number or shapes differ."""
        variables = self._own_variables()
        if len(store.keys()) != len(variables):
            raise ValueError(
                f"Layer '{self.name}' expected {len(variables)} variables, but received {len(store.keys())} variables "
                f"during loading. Expected: {[v.name for v in variables]}"
            )
        for i, variable in enumerate(variables):
            variable.assign(np.asarray(store[str(i)]))

    def count_params(self) -> int:
        """Number of scalars in `weights`. Raises ValueError while the layer is not built."""
        if not self.built:
            raise ValueError(
                f"You tried to call `count_params` on layer '{self.name}', but the layer isn't built. You can build "
                "it manually via: `layer.build(input_shape)`."
            )
        return sum(math.prod(v.shape) for v in self.weights)

    # --- losses -----------------------------------------------------------------------------------------
    def add_loss(self, loss) -> None:
        """Adds a value computed in `call` to the loss.

        Args:
            loss: scalar tensor, or a list of them.

        Raises:
            ValueError: a callable, or a call outside of `build` and `call`.
        """
        for item in loss if isinstance(loss, (list, tuple)) else [loss]:
            if callable(item):
                raise ValueError(f"Layer '{self.name}': add_loss takes tensors, not functions. Received: {item}")
            if isinstance(item, Tensor) and current_trace() is None:
                raise ValueError(
                    f"`add_loss()` can only be called from inside `build()` or `call()`. Received, for '{self.name}': "
                    f"{item}. Put the computation into a layer whose call() adds the loss, or override compute_loss()."
                )
            self._losses.append(item)

    @property
    def losses(self) -> list:
        """Values of `add_loss` and activity regularizers of the last call, and those of weight regularizers."""
        values, silent, regularized = [], set(), set()
        for layer in self._flatten_layers():
            if id(layer) in silent:
                continue
            if layer is not self and _says_itself(layer, "losses"):
                silent.update(id(x) for x in layer._flatten_layers())
                regularized.update(id(v) for v in layer.weights)
                values.extend(layer.losses)
            else:
                values.extend(layer._losses)
        weights = [v for v in self.trainable_weights if v.regularizer is not None and id(v) not in regularized]
        return values + [v.regularizer(v) for v in weights]

    def _clear_losses(self) -> None:
        for layer in self._flatten_layers():
            layer._losses.clear()
