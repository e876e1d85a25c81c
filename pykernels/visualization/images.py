"""Images side by side, with titles."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..utils.image_utils import open_image
from .style import INK, bare, fitted, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CHANNELS = (1, 3, 4)


def as_picture(image: Any, data_format: str = "channels_last") -> np.ndarray:
    """Converts an image to an array that can be shown: uint8, or floats from 0 to 1.

    Args:
        image: array (height, width) or (height, width, channels) with 1, 3 or 4 channels, Pillow image, or path of an
            image file. Floats above 1 are taken as 0 to 255. If there are negative values (a preprocessed image), the
            range from the smallest to the largest value is mapped to 0 to 1.
        data_format: "channels_last" (default), or "channels_first" for (channels, height, width).

    Returns:
        Array (height, width) or (height, width, 3 or 4).

    Raises:
        ValueError: another shape, or another data format.
    """
    if isinstance(image, (str, os.PathLike)):
        image = open_image(image, lambda opened: opened.convert("RGB"))
    array = np.asarray(image)
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(f"data_format must be 'channels_last' or 'channels_first'. Received: {data_format!r}")
    if array.ndim == 3 and data_format == "channels_first":
        array = array.transpose(1, 2, 0)
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[-1] not in _CHANNELS):
        raise ValueError(
            "An image to show must have the shape (height, width) or (height, width, 1, 3 or 4). Received: "
            f"{array.shape}"
            + (": is it of data_format='channels_first'?" if array.ndim == 3 and array.shape[0] in _CHANNELS else "")
        )
    if array.ndim == 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.dtype == np.uint8:
        return array
    return _unit_range(array.astype(np.float32))


def _unit_range(array: np.ndarray) -> np.ndarray:
    finite = array[np.isfinite(array)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if low < 0:
        array = (array - low) / max(high - low, 1e-12)
    elif high > 1:
        array = array / (255.0 if high <= 255 else high)
    return np.clip(np.nan_to_num(array), 0.0, 1.0)


def show(axes: Axes, picture: np.ndarray, title: str | None = None, size: float = 9, color: str = INK) -> None:
    """A picture on axes: gray where it has no channels, small ones without smoothing."""
    gray = {"cmap": "gray", "vmin": 0, "vmax": 255 if picture.dtype == np.uint8 else 1} if picture.ndim == 2 else {}
    axes.imshow(picture, interpolation="nearest" if max(picture.shape[:2]) < 100 else "antialiased", **gray)
    if title:
        axes.set_title(title, fontsize=size, color=color, pad=4)
    axes.set_anchor("N")  # pictures of different heights hang from one line
    bare(axes)


def plot_images(
    images: Any,
    titles: Sequence[Any] | None = None,
    columns: int | None = None,
    size: float = 2.0,
    title: str | None = None,
    data_format: str = "channels_last",
) -> Figure:
    """Draws images in rows, each with a title.

    Args:
        images: array (N, height, width[, channels]), a list of images as in `as_picture`, or one image.
        titles: list of str or numbers, one for each image. Numbers are shown with three digits. Default None.
        columns: int, the number of images in a row. Default None: at most 8, in rows of equal length if possible.
        size: float, the width of an image in inches. Default 2.
        title: str, above all images. Default None.
        data_format: "channels_last" (default), or "channels_first" for images (channels, height, width).

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: no images, another number of titles, or an image of another shape.
    """
    pictures = [as_picture(image, data_format) for image in ([images] if _is_one(images, data_format) else images)]
    if not pictures:
        raise ValueError("plot_images: no images")
    if titles is not None and len(titles) != len(pictures):
        raise ValueError(f"plot_images: {len(pictures)} images but {len(titles)} titles")
    count = len(pictures)
    columns = min(columns or math.ceil(count / math.ceil(count / 8)), count)
    rows = math.ceil(count / columns)
    aspect = float(np.median([p.shape[0] / p.shape[1] for p in pictures]))
    texts = [None] * count if titles is None else [fitted(title_text(value), size, 9) for value in titles]
    lines = max(0 if text is None else 1 + text.count("\n") for text in texts)
    height = rows * size * min(max(aspect, 0.3), 3.0) + rows * (0.13 + 0.15 * lines if lines else 0)
    figure = new_figure(columns * size, height + (0.4 if title else 0.1))
    grid = np.ravel(figure.subplots(rows, columns))
    for i, axes in enumerate(grid):
        if i < count:
            show(axes, pictures[i], texts[i])
        else:
            axes.set_axis_off()
    if title:
        figure.suptitle(title, color=INK, fontsize=12)
    return figure


def _is_one(images: Any, data_format: str) -> bool:
    """Whether that is an image, and not several."""
    if isinstance(images, (str, os.PathLike)) or hasattr(images, "getbands"):
        return True
    shape = getattr(images, "shape", ())
    return len(shape) == 2 or (len(shape) == 3 and shape[0 if data_format == "channels_first" else -1] in (3, 4))


def title_text(value: Any) -> str:
    """A text as it is, a float with three digits."""
    return f"{float(value):.3g}" if isinstance(value, (float, np.floating)) else str(value)
