"""Filters of convolution layers, and heatmaps of their activations."""

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
    """Draws the filters of a convolution layer, each as a tile.

    Filters over three channels are shown as colours: grey is 0, brighter is positive, darker is negative. Others are
    shown in red (positive) and blue (negative). All tiles have the same scale.

    Args:
        layer: a built layer with a kernel (height, width, channels, filters), such as `model.get_layer("conv2d")`.
        count: int, the number of filters, from the first one. Default None: at most 64.
        channel: int, the input channel whose weights are shown. Default None: colours for three channels, else the mean
            over the channels.
        columns: int, the number of tiles in a row. Default 8.
        size: float, the width of a tile in inches. Default 1.
        title: str. Default None: the name of the layer and the shape of the kernel.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: a layer that is not built or has no such kernel, or a channel that does not exist.
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
    """Draws heatmaps of the outputs of a convolution layer for an image: yellow is a strong response, dark blue is
    none.

    Args:
        model: a model with one input of images (batch, height, width, channels).
        layer: a layer of the model with an output (batch, height, width, filters), or its name or index.
        image: array (height, width, channels) or (1, height, width, channels), preprocessed as for the model.
        count: int, the number of filters: those with the strongest responses, in the order of the layer. Default None:
            at most 23.
        columns: int, the number of tiles in a row. The first tile is the image. Default 6.
        size: float, the width of a tile in inches. Default 1.5.
        overlay: whether the image is shown in grey below the heatmaps. Default False.
        title: str. Default None: the name of the layer and the shape of its output.

    Returns:
        A `matplotlib.figure.Figure`. Each heatmap has a scale of its own. Its title is the index of the filter and the
        strongest response.

    Raises:
        ValueError: the layer is not in the model or has another output, or the image has another shape.
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
