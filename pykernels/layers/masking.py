"""Keras's masks on their way through layers: `mask` arguments of `call`, `compute_mask`, and what outputs carry."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph import Tensor, Variable
from ..user_warning import warn
from ..utils.masks import get_mask, set_mask
from ..utils.tree import flatten, map_structure


class MaskedCall:
    """One call of a layer whose inputs may have masks.

    Args:
        layer: the layer. names: the names of its `call`'s arguments.
        args, kwargs: those of the call.

    Attributes:
        kwargs: with the masks of the inputs, where `call` takes them and they were not given.
    """

    def __init__(self, layer, names: list[str], args, kwargs: dict):
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        tensors = {name: value for name, value in given.items() if _holds_tensors(value)}
        self.layer = layer
        self.kwargs = kwargs = dict(kwargs)
        self._first = next(iter(given.values()), None)
        if len(tensors) == 1 and "mask" in names and given.get("mask") is None:
            kwargs["mask"] = _masks_of(next(iter(tensors.values())))
        elif len(tensors) > 1:
            for name, value in tensors.items():
                if f"{name}_mask" in names and given.get(f"{name}_mask") is None:
                    kwargs[f"{name}_mask"] = _masks_of(value)
        mask = given.get("mask")
        self._previous = mask if mask is not None else _masks_of(self._first)

    def attach(self, outputs: Any) -> Any:
        """The outputs, with the masks that `compute_mask` says they have."""
        leaves = flatten(outputs)
        if self.layer.hands_masks_on:
            return outputs
        if not self.layer.supports_masking:
            if any(m is not None for m in flatten(self._previous)):
                warn(
                    f"Layer '{self.layer.name}' (of type {type(self.layer).__name__}) was passed an input with a mask "
                    "attached to it. However, this layer does not support masking and will therefore destroy the mask "
                    "information. Downstream layers will not see the mask."
                )
            return outputs
        if all(get_mask(x) is not None for x in leaves):
            return outputs
        masks = self.layer.compute_mask(self._first, self._previous)
        if masks is None:
            return outputs
        inputs = {id(x) for x in flatten(self._first)}
        masks = iter(flatten(masks))

        def attached(x):
            mask = next(masks, None)
            if mask is None or get_mask(x) is not None:
                return x
            if id(x) in inputs and isinstance(x, np.ndarray):  # the caller's own array stays without a mask
                x = x.view()
            set_mask(x, mask)
            return x

        return map_structure(attached, outputs)


def _holds_tensors(value) -> bool:
    leaves = flatten(value)
    return bool(leaves) and all(isinstance(x, (Tensor, Variable, np.ndarray)) for x in leaves)


def _masks_of(value):
    return map_structure(get_mask, value)


def keep_mask(old, new):
    """`new`, which was made from `old`, with its mask."""
    if new is not old:
        mask = get_mask(old)
        if mask is not None:
            set_mask(new, mask)
    return new
