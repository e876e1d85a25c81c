"""Layers that combine several tensors into one: Add, Subtract, Multiply, Average, Maximum, Minimum, Concatenate, Dot.

Each has a function of the same name in lower case: `add([a, b])` is `Add()([a, b])`.
"""

from __future__ import annotations

import functools

from .. import ops
from ..utils.tree import is_shape
from .layer import Layer

_ELSEWHERE = "Inputs have incompatible shapes. Received shapes {} and {} (layer '{}')"


def _is_list_of_shapes(shapes) -> bool:
    return isinstance(shapes, (list, tuple)) and len(shapes) > 0 and not is_shape(shapes)


class _Merge(Layer):
    """A layer over a list of tensors whose samples broadcast; tensors of lower rank get axes after the batch."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape):
        if not _is_list_of_shapes(input_shape):
            raise ValueError(
                "A merge layer should be called on a list of inputs. "
                f"Received: input_shape={input_shape} (not a list of shapes; layer '{self.name}')"
            )
        batch_sizes = {shape[0] for shape in input_shape if shape} - {None}
        if len(batch_sizes) > 1:
            raise ValueError(
                "Cannot merge tensors with different batch sizes. "
                f"Received tensors with shapes {input_shape} (layer '{self.name}')"
            )
        self.compute_output_shape(input_shape)

    def call(self, inputs):
        if not isinstance(inputs, (list, tuple)):
            raise ValueError(
                "A merge layer should be called on a list of inputs. "
                f"Received: inputs={inputs} (not a list of tensors; layer '{self.name}')"
            )
        rank = max(len(x.shape) for x in inputs)
        return self._merge([_with_rank(x, rank) for x in inputs])

    def compute_mask(self, inputs, mask=None):
        """True where any of the masks is; None unless all inputs have one."""
        masks = _checked_masks(inputs, mask)
        if any(m is None for m in masks):
            return None
        return functools.reduce(ops.logical_or, masks) if masks else None

    def _merge(self, inputs):
        """The result of tensors of one rank."""
        result = inputs[0]
        for x in inputs[1:]:
            result = self._combine(result, x)
        return result

    def _combine(self, a, b):
        raise NotImplementedError

    def compute_output_shape(self, input_shape):
        batch = next((shape[0] for shape in input_shape if shape[0] is not None), None)
        merged = tuple(input_shape[0][1:])
        for shape in input_shape[1:]:
            merged = self._broadcast(merged, tuple(shape[1:]))
        return (batch, *merged)

    def _broadcast(self, a: tuple, b: tuple) -> tuple:
        short, long = sorted((a, b), key=len)
        result = list(long)
        for i in range(1, len(short) + 1):
            x, y = long[-i], short[-i]
            if None not in (x, y) and 1 not in (x, y) and x != y:
                raise ValueError(_ELSEWHERE.format(long, short, self.name))
            result[-i] = None if None in (x, y) else y if x == 1 else x
        return tuple(result)


def _checked_masks(inputs, mask) -> list:
    """The masks of a list of inputs; empty for none at all. Raises ValueError for what is no list beside another."""
    if mask is None:
        return []
    for name, value in (("mask", mask), ("inputs", inputs)):
        if not isinstance(value, (tuple, list)):
            raise ValueError(f"`{name}` should be a list. Received: {name}={value}")
    if len(mask) != len(inputs):
        raise ValueError(
            "The lists `inputs` and `mask` should have the same length. "
            f"Received: inputs={inputs} of length {len(inputs)}, and mask={mask} of length {len(mask)}"
        )
    return list(mask)


def _with_rank(x, rank: int):
    missing = rank - len(x.shape)
    return ops.expand_dims(x, tuple(range(1, missing + 1))) if missing else x


class Add(_Merge):
    """The elementwise sum of its inputs.

    Inputs: list of tensors (batch, ...) whose samples broadcast. Output shape: the broadcast shape.

    Raises:
        ValueError: at the call, inputs that are not a list, or shapes that do not broadcast.
    """

    def _combine(self, a, b):
        return ops.add(a, b)


class Subtract(_Merge):
    """The first of its two inputs minus the second.

    Inputs: list of two tensors (batch, ...) whose samples broadcast. Output shape: the broadcast shape.

    Raises:
        ValueError: at the call, another number of inputs than two, or shapes that do not broadcast.
    """

    def build(self, input_shape):
        super().build(input_shape)
        if len(input_shape) != 2:
            raise ValueError(
                f"A `Subtract` layer should be called on exactly 2 inputs. Received: input_shape={input_shape} "
                f"(layer '{self.name}')"
            )

    def _combine(self, a, b):
        return ops.subtract(a, b)


class Multiply(_Merge):
    """The elementwise product of its inputs.

    Inputs: list of tensors (batch, ...) whose samples broadcast. Output shape: the broadcast shape.

    Raises:
        ValueError: at the call, inputs that are not a list, or shapes that do not broadcast.
    """

    def _combine(self, a, b):
        return ops.multiply(a, b)


class Average(_Merge):
    """The elementwise mean of its inputs.

    Inputs: list of tensors (batch, ...) whose samples broadcast. Output shape: the broadcast shape.

    Raises:
        ValueError: at the call, inputs that are not a list, or shapes that do not broadcast.
    """

    def _combine(self, a, b):
        return ops.add(a, b)

    def _merge(self, inputs):
        return ops.divide(super()._merge(inputs), len(inputs))


class Maximum(_Merge):
    """The elementwise maximum of its inputs.

    Inputs: list of tensors (batch, ...) whose samples broadcast. Output shape: the broadcast shape.

    Raises:
        ValueError: at the call, inputs that are not a list, or shapes that do not broadcast.
    """

    def _combine(self, a, b):
        return ops.maximum(a, b)


class Minimum(_Merge):
    """The elementwise minimum of its inputs.

    Inputs: list of tensors (batch, ...) whose samples broadcast. Output shape: the broadcast shape.

    Raises:
        ValueError: at the call, inputs that are not a list, or shapes that do not broadcast.
    """

    def _combine(self, a, b):
        return ops.minimum(a, b)


class Concatenate(Layer):
    """Concatenates its inputs along one axis.

    Args:
        axis: int; the batch axis is 0. Default -1.

    Inputs: list of at least two tensors of equal shapes except along `axis`.

    Raises:
        ValueError: at the call, inputs whose shapes differ along another axis.
    """

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        self.axis = axis
        self.supports_masking = True

    def build(self, input_shape):
        if not _is_list_of_shapes(input_shape):
            raise ValueError(
                "A `Concatenate` layer should be called on a list of at least 1 input. "
                f"Received: input_shape={input_shape} (layer '{self.name}')"
            )
        ranks = {len(shape) for shape in input_shape}
        rank = len(input_shape[0])
        if len(ranks) == 1 and not -rank <= self.axis < rank:
            raise ValueError(
                f"axis {self.axis} is out of bounds for inputs of rank {rank}. Received: input_shape={input_shape} "
                f"(layer '{self.name}')"
            )
        if len(ranks) > 1 or any(
            len({shape[i] for shape in input_shape} - {None}) > 1 for i in range(rank) if i != self.axis % rank
        ):
            raise ValueError(
                "A `Concatenate` layer requires inputs with matching shapes except for the concatenation axis. "
                f"Received: input_shape={input_shape} (layer '{self.name}')"
            )

    def call(self, inputs):
        return ops.concatenate(list(inputs), axis=self.axis)

    def compute_mask(self, inputs, mask=None):
        """The masks side by side, True where any along the last axis is; an input without a mask counts in full."""
        masks = _checked_masks(inputs, mask)
        if all(m is None for m in masks):
            return None
        full = []
        for x, m in zip(inputs, masks, strict=True):
            if m is None:
                m = ops.ones_like(x, dtype="bool")
            elif len(m.shape) < len(x.shape):
                m = ops.logical_or(ops.expand_dims(m, -1), ops.zeros_like(x, dtype="bool"))
            full.append(m)
        return ops.any(ops.concatenate(full, axis=self.axis), axis=-1)

    def compute_output_shape(self, input_shape):
        if not _is_list_of_shapes(input_shape):
            raise ValueError(
                f"A `Concatenate` layer should be called on a list of inputs. Received: input_shape={input_shape} "
                f"(layer '{self.name}')"
            )
        merged = [next((d for d in extents if d is not None), None) for extents in zip(*input_shape, strict=True)]
        along = [shape[self.axis] for shape in input_shape]
        merged[self.axis] = None if None in along else sum(along)
        return tuple(merged)

    def get_config(self):
        return {**super().get_config(), "axis": self.axis}


class Dot(Layer):
    """Dot products of the samples of two tensors along an axis of each.

    Args:
        axes: int, the axis of both inputs, or a tuple of two ints. The batch axis (0) is not allowed.
        normalize: whether both inputs are first divided by their L2 norm along that axis; the result is then their
            cosine similarity. Default False.

    Inputs: list of two tensors. Output shape: the shape of the first without its axis, then that of the second without
    the batch and its axis; at least rank 2.

    Raises:
        TypeError: `axes` is not an int or a tuple.
        ValueError: `axes` does not consist of two ints; at the call, axes of different sizes.
    """

    def __init__(self, axes, normalize=False, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(axes, int):
            if not isinstance(axes, (list, tuple)):
                raise TypeError(
                    f"Invalid type for argument `axes`: it should be a list or an int. Received: axes={axes}"
                )
            if len(axes) != 2:
                raise ValueError(
                    f"Invalid format for argument `axes`: it should contain two elements. Received: axes={axes}"
                )
            if not all(isinstance(axis, int) for axis in axes):
                raise ValueError(
                    f"Invalid format for argument `axes`: list elements should be integers. Received: axes={axes}"
                )
        self.axes = axes
        self.normalize = normalize
        self.supports_masking = True

    def _axes_of(self, shapes) -> tuple[int, int]:
        axes = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        if not all(-len(shape) <= axis < len(shape) for axis, shape in zip(axes, shapes, strict=True)):
            raise ValueError(f"axes={self.axes} of layer '{self.name}' are not axes of inputs of shapes {shapes}")
        a, b = (axis % len(shape) for axis, shape in zip(axes, shapes, strict=True))
        if 0 in (a, b):
            raise ValueError(
                "Cannot perform batch_dot over axis 0. If your inputs are not batched, add a dummy batch dimension to "
                f"your inputs using keras.ops.expand_dims(x, 0) (layer '{self.name}')"
            )
        return a, b

    def build(self, input_shape):
        if not _is_list_of_shapes(input_shape) or len(input_shape) != 2:
            raise ValueError(
                f"A `Dot` layer should be called on a list of 2 inputs. Received: input_shape={input_shape} "
                f"(layer '{self.name}')"
            )
        a, b = self._axes_of(input_shape)
        first, second = input_shape
        if first[a] != second[b]:
            raise ValueError(
                f"Incompatible input shapes: axis values {first[a]} (at axis {a}) != {second[b]} (at axis {b}). "
                f"Full input shapes: {first}, {second} (layer '{self.name}')"
            )

    def compute_mask(self, inputs, mask=None):
        """None: a product of whole samples has no mask."""
        return None

    def call(self, inputs):
        x, y = inputs
        a, b = self._axes_of([x.shape, y.shape])
        if self.normalize:
            x, y = ops.normalize(x, axis=a), ops.normalize(y, axis=b)
        rest_x, rest_y = (tuple(d for i, d in enumerate(t.shape) if i not in (0, axis)) for t, axis in ((x, a), (y, b)))
        # (batch, rest of x, axis) times (batch, axis, rest of y), with each rest flattened
        batch = -1 if x.shape[0] is None else x.shape[0]
        x = ops.reshape(ops.moveaxis(x, a, -1), (batch, _size(rest_x, self), x.shape[a]))
        y = ops.reshape(ops.moveaxis(y, b, 1), (batch, y.shape[b], _size(rest_y, self)))
        return ops.reshape(ops.matmul(x, y), (batch, *(rest_x + rest_y or (1,))))

    def compute_output_shape(self, input_shape):
        if not _is_list_of_shapes(input_shape) or len(input_shape) != 2:
            raise ValueError(
                f"A `Dot` layer should be called on a list of 2 inputs. Received: input_shape={input_shape} "
                f"(layer '{self.name}')"
            )
        axes = self._axes_of(input_shape)
        first, second = (
            tuple(d for i, d in enumerate(s) if i not in (0, axis)) for s, axis in zip(input_shape, axes, strict=True)
        )
        return (input_shape[0][0], *(first + second or (1,)))

    def get_config(self):
        return {**super().get_config(), "axes": self.axes, "normalize": self.normalize}


def _size(extents: tuple, layer: Layer) -> int:
    if None in extents:
        raise ValueError(f"Layer '{layer.name}' (Dot) needs inputs with known extents beside the batch")
    size = 1
    for d in extents:
        size *= d
    return size


def add(inputs, **kwargs):
    """`Add(**kwargs)(inputs)`.

    Args:
        inputs: list of tensors.
        **kwargs: arguments of `Add`.

    Returns:
        A tensor.
    """
    return Add(**kwargs)(inputs)


def subtract(inputs, **kwargs):
    """`Subtract(**kwargs)(inputs)`.

    Args:
        inputs: list of tensors.
        **kwargs: arguments of `Subtract`.

    Returns:
        A tensor.
    """
    return Subtract(**kwargs)(inputs)


def multiply(inputs, **kwargs):
    """`Multiply(**kwargs)(inputs)`.

    Args:
        inputs: list of tensors.
        **kwargs: arguments of `Multiply`.

    Returns:
        A tensor.
    """
    return Multiply(**kwargs)(inputs)


def average(inputs, **kwargs):
    """`Average(**kwargs)(inputs)`.

    Args:
        inputs: list of tensors.
        **kwargs: arguments of `Average`.

    Returns:
        A tensor.
    """
    return Average(**kwargs)(inputs)


def maximum(inputs, **kwargs):
    """`Maximum(**kwargs)(inputs)`.

    Args:
        inputs: list of tensors.
        **kwargs: arguments of `Maximum`.

    Returns:
        A tensor.
    """
    return Maximum(**kwargs)(inputs)


def minimum(inputs, **kwargs):
    """`Minimum(**kwargs)(inputs)`.

    Args:
        inputs: list of tensors.
        **kwargs: arguments of `Minimum`.

    Returns:
        A tensor.
    """
    return Minimum(**kwargs)(inputs)


def concatenate(inputs, axis=-1, **kwargs):
    """`Concatenate(axis, **kwargs)(inputs)`.

    Args:
        inputs: list of tensors.
        axis: int. Default -1.
        **kwargs: arguments of `Concatenate`.

    Returns:
        A tensor.
    """
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs, axes=-1, **kwargs):
    """`Dot(axes, **kwargs)(inputs)`.

    Args:
        inputs: list of two tensors.
        axes: int, or a tuple of two ints. Default -1.
        **kwargs: arguments of `Dot`.

    Returns:
        A tensor.
    """
    return Dot(axes=axes, **kwargs)(inputs)
