"""Which variables a compiled model trains, when `trainable` has changed since `compile`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ..graph import Variable


class TrainableFlags:
    """The `trainable` flags of a model, its layers and variables, as they were at `compile`.

    What was trainable then is trained, less what has been frozen since: freezing takes effect at once, as in Keras 3,
    and unfreezing after the next `compile`, as the documentation of Keras has it. If everything that was trained is
    frozen by now, training goes on with all of it, as in Keras 1 and 2: scripts for generative adversarial networks
    compile a discriminator, freeze it for the model that contains it, and train it directly all the same.
    """

    def __init__(self, model):
        layers = model._flatten_layers()
        self._model = model.trainable
        self._layers = [(layer, layer.trainable) for layer in layers[1:]]
        self._variables = [(v, v.trainable) for layer in layers for v in layer._own_variables()]
        self._index()

    def _index(self) -> None:
        self._by_id = {id(x): flag for x, flag in (*self._layers, *self._variables)}

    def __getstate__(self):
        return {key: value for key, value in self.__dict__.items() if key != "_by_id"}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._index()

    def changed(self, model) -> tuple[list[str], list[str]]:
        """(names of the layers frozen, and of those unfrozen, since `compile`)."""
        frozen, unfrozen = [], []
        for layer in model._flatten_layers():
            before = self._layer_flag(model, layer)
            if before != layer.trainable:
                (frozen if before else unfrozen).append(layer.name)
        return frozen, unfrozen

    def _layer_flag(self, model, layer) -> bool:
        return self._model if layer is model else self._by_id.get(id(layer), layer._trainable)

    def _at_compile(self, model) -> list[tuple]:
        """(layer or variable, its flag); those that were made since with the flag that they would have had."""
        found = []
        for layer in model._flatten_layers():
            flag = self._layer_flag(model, layer)
            trained = {id(v) for v in layer._trainable_variables}
            found.append((layer, flag))
            found += [(v, self._by_id.get(id(v), flag and id(v) in trained)) for v in layer._own_variables()]
        return found

    @contextlib.contextmanager
    def as_compiled(self, model) -> Iterator[None]:
        """Within it the flags are those of `compile`."""
        compiled = self._at_compile(model)
        now = [(x, _flag(x)) for x, _ in compiled]
        try:
            _set(compiled)
            yield
        finally:
            _set(now)

    @contextlib.contextmanager
    def effective(self, model) -> Iterator[bool]:
        """Within it the flags are those that training goes by. It gives whether all that was trained is frozen now."""
        compiled = self._at_compile(model)
        now = [(x, _flag(x)) for x, _ in compiled]
        left = [(x, before and flag) for (x, before), (_, flag) in zip(compiled, now, strict=True)]
        try:
            if left != now:
                _set(left)
            as_compiled = not model.trainable_variables and any(flag for x, flag in compiled if isinstance(x, Variable))
            if as_compiled:
                _set(compiled)
            yield as_compiled
        finally:
            _set(now)


def _flag(x) -> bool:
    return x.trainable if isinstance(x, Variable) else x._trainable


def _set(flags: list[tuple]) -> None:
    """Sets flags for a while: nobody else is to notice."""
    for x, flag in flags:
        x.__dict__["_trainable"] = flag
