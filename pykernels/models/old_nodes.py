"""The calls between layers as Keras 1 and 2 wrote them: `[[name, call, place, kwargs], ...]`, or one such entry."""

from __future__ import annotations

_CONSTANT = "_CONSTANT_VALUE"


def _is_entry(x) -> bool:
    return isinstance(x, (list, tuple)) and len(x) in (3, 4) and isinstance(x[0], str) and type(x[1]) is int


def old_call(node, find, names) -> tuple[list, dict]:
    """The arguments of a call.

    Args:
        node: list of entries, nested as the layer's inputs are, or one entry.
        find: the tensor of (name, call, place), or None while it is not there.
        names: of the layers in the model: a list of a name and two numbers among the keyword arguments is a tensor.

    Raises:
        ValueError: another form.
    """
    kwargs: dict = {}

    def first(x):
        if _is_entry(x):
            if len(x) > 3 and isinstance(x[3], dict) and not kwargs:
                kwargs.update(x[3])
            return x[2] if x[0] == _CONSTANT else find(x[:3])
        if isinstance(x, dict):
            return {key: first(value) for key, value in x.items()}
        if not isinstance(x, (list, tuple)):
            raise ValueError(f"The model's configuration names a tensor in an unknown form: {str(x)[:200]}")
        return [first(item) for item in x]

    def rest(x):
        if _is_entry(x) and (x[0] in names or x[0] == _CONSTANT) and type(x[2]) is int:
            return x[2] if x[0] == _CONSTANT else find(x[:3])
        if isinstance(x, dict):
            return {key: rest(value) for key, value in x.items()}
        return [rest(item) for item in x] if isinstance(x, list) else x

    inputs = first(node)
    if isinstance(inputs, list) and len(inputs) == 1 and not _is_entry(node):
        inputs = inputs[0]
    return [inputs], rest(kwargs)
