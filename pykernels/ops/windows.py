"""Windows that slide over images: arguments, output sizes and padding, for pooling and convolution alike.

`"valid"` uses whole windows only. `"same"` gives ceil(size / stride) outputs; what has to be added goes half before and
half after, the odd element after (TensorFlow's rule, and Keras's). `"causal"` adds everything before.
"""

from __future__ import annotations

from ..utils.error_origin import brief

PADDINGS = ("valid", "same")
_MOST = (1 << 31) - 1


def tuple_of(value, n: int, name: str, allow_zero: bool = False) -> tuple[int, ...]:
    """An int, or `n` of them, as a tuple of n ints.

    Raises:
        ValueError: not that, or values below 1 (below 0 with `allow_zero`); it names the argument.
    """
    message = f"The `{name}` argument must be a tuple of {n} integers. Received {name}={value}"
    if hasattr(value, "__index__"):
        value = (value,) * n
    try:
        values = tuple(value)
    except TypeError:
        raise ValueError(message) from None
    if len(values) != n:
        raise ValueError(message)
    result = []
    for v in values:
        try:
            whole = int(v)
        except (TypeError, ValueError):
            whole = None
        if whole is None or whole != v:
            raise ValueError(f"{message}, including element {v} of type {type(v)}")
        result.append(whole)
    if any(v > _MOST for v in result):
        raise ValueError(f"The `{name}` argument must be integers of at most {_MOST}. Received {name}={brief(value)}")
    bad = {v for v in result if v < (0 if allow_zero else 1)}
    if bad:
        need = ">= 0" if allow_zero else "> 0"
        raise ValueError(f"{message}, including values {bad} that do not satisfy `value {need}`")
    return tuple(result)


def standardize_padding(padding, others: tuple[str, ...] = ()) -> str:
    """`padding` in lower case.

    Raises:
        ValueError: not one of `"valid"`, `"same"` and `others`.
    """
    allowed = (*PADDINGS, *others)
    name = padding.lower() if isinstance(padding, str) else padding
    if name not in allowed:
        raise ValueError(f"The `padding` argument must be one of {allowed}. Received: padding={padding!r}")
    return name


def extent(window: int, dilation: int = 1) -> int:
    """Elements from the first to the last of a window whose elements are `dilation` apart."""
    return (window - 1) * dilation + 1


def output_length(size: int | None, window: int, stride: int, dilation: int = 1, padding: str = "valid") -> int | None:
    """The number of windows along an axis: None for an unknown `size`; zero or less where no whole window fits."""
    if size is None:
        return None
    if padding == "valid":
        return (size - extent(window, dilation)) // stride + 1
    return (size - 1) // stride + 1  # "same" and "causal"


def pads(
    size: int | None, window: int, stride: int, dilation: int = 1, padding: str = "valid"
) -> tuple[int, int] | tuple[None, None]:
    """(before, after): the elements that are added at the ends of an axis.

    With `"same"` and a stride they depend on the size. An unknown one gives (None, None): shapes are then inferred by
    `output_length`, and the op is recorded again when the size is known.
    """
    if padding == "valid" or extent(window, dilation) == 1:
        return 0, 0
    if padding == "causal":
        return extent(window, dilation) - 1, 0
    if stride == 1:
        size = 1  # or any other
    if size is None:
        return None, None
    missing = max(
        (output_length(size, window, stride, dilation, padding) - 1) * stride + extent(window, dilation) - size, 0
    )
    return missing // 2, missing - missing // 2


def complete_pads(attrs: dict, image, window) -> dict:
    """The attributes of a windowed op with the pads of "same", where they were recorded for an unknown image."""
    if None not in attrs["pads"] or None in image[1:3]:
        return attrs
    dilation = attrs.get("dilation", (1, 1))
    around = [
        pads(n, w, s, d, "same") for n, w, s, d in zip(image[1:3], window, attrs["strides"], dilation, strict=False)
    ]
    return {**attrs, "pads": (*around[0], *around[1])}


def split_shape(shape: tuple, data_format: str) -> tuple[tuple, tuple, int | None]:
    """(batch,), the spatial extents and the channels of an image tensor's shape."""
    if data_format == "channels_first":
        return (shape[0],), tuple(shape[2:]), shape[1]
    return (shape[0],), tuple(shape[1:-1]), shape[-1]


def join_shape(batch: tuple, spatial: tuple, channels, data_format: str) -> tuple:
    """The inverse of `split_shape`."""
    return (*batch, channels, *spatial) if data_format == "channels_first" else (*batch, *spatial, channels)


def pooling_output_shape(shape, pool_size: tuple, strides: tuple, padding: str, data_format: str) -> tuple:
    """The shape that pooling gives for inputs of `shape` (None: unknown extents).

    Raises:
        ValueError: a window larger than the image, with `"valid"`; an image without pixels.
    """
    batch, spatial, channels = split_shape(tuple(shape), data_format)
    out = tuple(output_length(n, w, s, 1, padding) for n, w, s in zip(spatial, pool_size, strides, strict=True))
    if any(n is not None and n <= 0 for n in out):
        raise ValueError(
            "Computed output size would be zero or negative. Received: "
            f"`inputs.shape={tuple(shape)}`, `pool_size={tuple(pool_size)}`, `strides={tuple(strides)}`, "
            f"`padding={padding}`."
        )
    return join_shape(batch, out, channels, data_format)


def conv_output_shape(
    shape, kernel_shape: tuple, strides: tuple, padding: str, data_format: str, dilation_rate: tuple
) -> tuple:
    """The shape that a convolution gives for inputs of `shape` (None: unknown extents).

    `kernel_shape` is the window's extents, the channels that a filter sees, and the filters.

    Raises:
        ValueError: ranks that do not fit; a (dilated) window larger than the image, with `"valid"`; an image without
            pixels.
    """
    if len(kernel_shape) != len(shape):
        raise ValueError(
            "Kernel shape must have the same length as input, but received "
            f"kernel of shape {tuple(kernel_shape)} and input of shape {tuple(shape)}."
        )
    batch, spatial, _ = split_shape(tuple(shape), data_format)
    window = kernel_shape[: len(spatial)]
    out = tuple(
        output_length(n, w, s, d, padding) for n, w, s, d in zip(spatial, window, strides, dilation_rate, strict=True)
    )
    if any(n is not None and n <= 0 for n in out):
        raise ValueError(
            "Computed output size would be zero or negative. Received "
            f"`inputs shape={tuple(shape)}`, `kernel shape={tuple(kernel_shape)}`, "
            f"`dilation_rate={tuple(dilation_rate)}`, `strides={tuple(strides)}`, `padding={padding}`."
        )
    return join_shape(batch, out, kernel_shape[-1], data_format)
