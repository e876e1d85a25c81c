"""What convolution layers have learned, and where they respond."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..layers import Layer
from ..models import Model
from .images import as_picture, show
from .style import INK, bare, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def _layer_of(model: Any, layer: Any) -> Layer:
    if isinstance(layer, Layer):
        return layer
    if not isinstance(layer, (str, int, np.integer)):
        raise TypeError(f"layer must be a layer, its name or its number. Received: {type(layer).__name__}")
    return model.get_layer(layer) if isinstance(layer, str) else model.get_layer(index=layer)


def _grid(figure, count: int, columns: int) -> list:
    grid = np.ravel(figure.subplots(math.ceil(count / columns), columns))
    for axes in grid[count:]:
        axes.set_axis_off()
    return list(grid[:count])


def plot_filters(
    layer: Any,
    count: int | None = None,
    channel: int | None = None,
    columns: int = 8,
    size: float = 1.0,
    title: str | None = None,
) -> Figure:
    """The filters of a convolution layer, a tile each.

    Filters over three channels are shown in colour: gray is 0, and the tile is as bright in a channel as its weight is
    positive. Others are shown in red (positive) and blue (negative). All tiles share one scale.

    Args:
        layer: a built layer with a kernel (height, width, channels, filters), such as `model.get_layer("conv2d")`.
        count: how many filters, the first ones; at most 64 by default.
        channel: shows the weights of this input channel. By default the mean over the channels, unless there are three.
        columns: tiles in a row.
        size: width of a tile in inches.
        title: default: the layer's name and the kernel's shape.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: a layer without such a kernel, or that is not built; a channel that there is not.
    """
    kernel = getattr(layer, "kernel", None)
    if kernel is None and getattr(layer, "built", True) is False:
        raise ValueError(f"plot_filters: layer '{layer.name}' is not built yet; call the model on data first")
    if kernel is None or len(kernel.shape) != 4:
        shape = "no kernel" if kernel is None else f"a kernel of shape {tuple(kernel.shape)}"
        raise ValueError(f"plot_filters takes a 2D convolution layer; {layer!r} has {shape}")
    values = np.asarray(kernel, dtype=np.float64)
    if channel is not None and not 0 <= channel < values.shape[2]:
        raise ValueError(f"plot_filters: channel must lie in 0 .. {values.shape[2] - 1}. Received: {channel}")
    colour = channel is None and values.shape[2] == 3
    if not colour:
        values = values.mean(axis=2) if channel is None else values[:, :, channel]
    filters = values.shape[-1]
    count = min(filters, 64 if count is None else count)
    columns = min(columns, count)
    limit = max(float(np.abs(values[..., :count]).max()), 1e-12)
    rows = math.ceil(count / columns)
    figure = new_figure(columns * size, rows * (size + 0.18) + 0.5)
    for i, axes in enumerate(_grid(figure, count, columns)):
        if colour:
            axes.imshow(0.5 + 0.5 * values[..., i] / limit, interpolation="nearest")
        else:
            axes.imshow(values[..., i], cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
        axes.set_title(str(i), fontsize=7, color=INK, pad=2)
        bare(axes)
    what = "" if colour else ", mean over channels" if channel is None else f", channel {channel}"
    figure.suptitle(f"{layer.name} {tuple(kernel.shape)}{what}" if title is None else title, color=INK, fontsize=10)
    return figure


def plot_activations(
    model: Model,
    layer: Any,
    image: Any,
    count: int | None = None,
    columns: int = 6,
    size: float = 1.5,
    overlay: bool = False,
    title: str | None = None,
) -> Figure:
    """Heatmaps of a convolution layer: where each of its filters responds to an image (yellow: strongly, dark blue:
    not at all).

    Args:
        model: a model with one input of images (batch, height, width, channels).
        layer: one of its layers, or the name or number of one, with an output (batch, height, width, filters).
        image: (height, width, channels), as the model takes it (preprocessed), or with a batch axis of 1.
        count: how many filters: those that respond most, in the order of the layer. At most 23 by default.
        columns: tiles in a row. The first tile is the image.
        size: width of a tile in inches.
        overlay: whether the image, in gray, shines through the heatmaps.
        title: default: the layer's name and its output's shape.

    Returns:
        A `matplotlib.figure.Figure`. Each heatmap has its own scale; its title is the filter's number and greatest
        response.

    Raises:
        ValueError: the layer has no output of that form, is not in the model, or the image does not fit.
    """
    layer = _layer_of(model, layer)
    image = np.asarray(image)
    batch = image if image.ndim == 4 else image[np.newaxis]
    if len(batch) != 1:
        raise ValueError(f"plot_activations takes one image. Received an array of shape {image.shape}")
    if len(layer.output.shape) != 4:
        raise ValueError(
            f"plot_activations: the output of layer '{layer.name}' has the shape {layer.output.shape}; heatmaps need "
            "(batch, height, width, filters)"
        )
    maps = np.asarray(Model(model.inputs, layer.output).predict(batch, verbose=0))[0]
    filters = maps.shape[-1]
    strengths = maps.reshape(-1, filters).max(axis=0)
    chosen = np.sort(np.argsort(-strengths, kind="stable")[: 23 if count is None else count])
    picture = as_picture(batch[0])
    columns = min(columns, len(chosen) + 1)
    rows = math.ceil((len(chosen) + 1) / columns)
    figure = new_figure(columns * size, rows * (size * picture.shape[0] / picture.shape[1] + 0.25) + 0.4)
    first, *tiles = _grid(figure, len(chosen) + 1, columns)
    show(first, picture, "image", 8)
    height, width = picture.shape[:2]
    for i, axes in zip(chosen, tiles, strict=True):
        if overlay:
            gray = picture if picture.ndim == 2 else picture[..., :3].mean(axis=-1)
            axes.imshow(gray, cmap="gray")
        axes.imshow(
            maps[..., i],
            cmap="viridis",
            alpha=0.65 if overlay else None,
            extent=(-0.5, width - 0.5, height - 0.5, -0.5),
            interpolation="bilinear" if overlay else "nearest",
        )
        axes.set_title(f"{i}: {strengths[i]:.3g}", fontsize=8, color=INK, pad=4)
        axes.set_anchor("N")  # as the image's
        bare(axes)
    shape = "x".join(map(str, maps.shape))
    figure.suptitle(f"{layer.name}, {shape}" if title is None else title, color=INK, fontsize=10)
    return figure
