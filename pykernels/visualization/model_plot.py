"""`plot_model` and `model_to_dot`, drawn with matplotlib: no Graphviz is needed."""

from __future__ import annotations

import functools
import io
import os
from typing import TYPE_CHECKING, Any

from .layered import Layout, layered_layout
from .model_boxes import Box, Boxes, Shows, model_boxes
from .style import INK, LINE, PALE_INK, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_RANKDIRS = ("TB", "BT", "LR", "RL")
_SPLINES = ("curved", "spline", "ortho", "polyline", "line")
_MOST_PIXELS = 60_000  # of a side: the renderer ends at 65,536
# Inches, and points for type.
_PAD_X, _PAD_Y, _LEADING, _MARGIN, _ARROW = 0.11, 0.065, 1.32, 0.15, 0.07
_GAP_X, _GAP_Y, _EDGE = 0.3, 0.3, 0.08
_NAME_SIZE, _LINE_SIZE = 9.0, 8.0


def plot_model(
    model: Any,
    to_file: Any = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: float = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "curved",
    **kwargs: Any,
) -> Figure:
    """Draws the layers of a model, with arrows between them, and saves the picture.

    Args:
        model: a built model. A model without a graph of layers is drawn as one box.
        to_file: path, whose ending gives the format: png (default), svg, pdf, jpg, ... None: the picture is not saved.
        show_shapes: whether the shapes of inputs and outputs are shown. Default False.
        show_dtype: whether the dtype of the output is shown. Default False.
        show_layer_names: whether the name of the layer is shown beside its class. Default False.
        rankdir: direction: "TB" (default, top to bottom), "LR" (left to right), "BT" or "RL".
        expand_nested: whether the layers of nested models are shown, in frames. Default False.
        dpi: float, pixels per inch. It is reduced if a side of the picture would exceed 60,000 pixels. Default 200.
        show_layer_activations: whether activation functions are shown. Default False.
        show_trainable: whether layers with weights are marked as trainable or not. Default False.
        splines: form of the arrows: "curved" or "spline", "ortho" (right angles), "line" or "polyline".

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: the model is not built; an unknown `rankdir`, `splines` or keyword argument.
        ImportError: matplotlib is missing.
    """
    shows = Shows(show_shapes, show_dtype, show_layer_names, expand_nested, show_layer_activations, show_trainable)
    figure = _drawn(model_boxes(model, shows), rankdir, dpi, splines, kwargs)
    if to_file is not None:
        path = os.fspath(to_file)
        figure.savefig(path, format=os.path.splitext(path)[1][1:] or "png")
    return figure


def model_to_dot(
    model: Any,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: float = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "curved",
    **kwargs: Any,
) -> Dot:
    """Draws a model and returns an object with the common methods of `pydot.Dot`.

    Args:
        model: a built model.
        show_shapes, show_dtype, show_layer_names, rankdir, expand_nested, dpi: as in `plot_model`.
        subgraph: not supported, must be False.
        show_layer_activations, show_trainable, splines: as in `plot_model`.

    Returns:
        A `Dot`.

    Raises:
        ValueError: as `plot_model`.
        NotImplementedError: subgraph=True, a part of a pydot graph: pydot is not used.
    """
    if subgraph:
        raise NotImplementedError("model_to_dot(subgraph=True) gives a pydot.Cluster in Keras; pykernels has no pydot")
    shows = Shows(show_shapes, show_dtype, show_layer_names, expand_nested, show_layer_activations, show_trainable)
    boxes = model_boxes(model, shows)
    return Dot(boxes, rankdir, _drawn(boxes, rankdir, dpi, splines, kwargs))


class Dot:
    """A drawn model, returned by `model_to_dot`.

    Args:
        boxes: the boxes and edges of the model.
        rankdir: direction, as in `plot_model`.
        figure: `matplotlib.figure.Figure` of the drawing.
    """

    def __init__(self, boxes: Boxes, rankdir: str, figure: Figure):
        self._boxes, self._rankdir, self.figure = boxes, rankdir, figure

    def create(self, prog: Any = None, format: str = "ps", encoding: Any = None) -> bytes:  # noqa: A002 - pydot's name
        """The picture as bytes.

        Args:
            prog, encoding: accepted as in pydot. They have no effect.
            format: a format of matplotlib (png, svg, pdf, ps, ...), or "dot" for the text. Default "ps".
        """
        if format in ("dot", "raw"):
            return self.to_string().encode()
        out = io.BytesIO()
        self.figure.savefig(out, format=format)
        return out.getvalue()

    def write(self, path: Any, prog: Any = None, format: str = "raw", encoding: Any = None) -> bool:  # noqa: A002
        """Writes `create(format=format)` to the file `path`; "raw" is the text for Graphviz. Returns True."""
        with open(path, "wb") as file:
            file.write(self.create(prog, format))
        return True

    create_png = functools.partialmethod(create, format="png")
    create_svg = functools.partialmethod(create, format="svg")
    create_pdf = functools.partialmethod(create, format="pdf")
    write_png = functools.partialmethod(write, format="png")
    write_svg = functools.partialmethod(write, format="svg")
    write_pdf = functools.partialmethod(write, format="pdf")

    def to_string(self) -> str:
        """The graph in Graphviz's language."""
        lines = ["digraph model {", f"  rankdir={self._rankdir};", "  node [shape=record];"]
        lines += _dot_lines(self._boxes, "  ")
        return "\n".join([*lines, "}"]) + "\n"

    def _repr_svg_(self) -> str:
        return self.create(format="svg").decode()


def _dot_lines(graph: Boxes, indent: str) -> list[str]:
    lines = []
    for box in graph.boxes:
        text = "|".join([_header(box), *(line.text for line in box.lines)])
        text = "".join("\\" + c if c in '{}<>"\\' else c for c in text)
        if box.inner is None:
            lines.append(f'{indent}"{box.key}" [label="{{{text}}}"];')
        else:
            lines += [f'{indent}subgraph "cluster_{box.key}" {{', f'{indent}  label="{_header(box)}";']
            lines += [*_dot_lines(box.inner, indent + "  "), f"{indent}}}"]
    for a, b in graph.edges:
        lines.append(f'{indent}"{_end(graph.boxes[a], -1)}" -> "{_end(graph.boxes[b], 0)}";')
    return lines


def _end(box: Box, place: int) -> str:
    """The key of a box, or of the first or last one within it: Graphviz's edges do not end at clusters."""
    while box.inner is not None and box.inner.boxes:
        box = box.inner.boxes[place]
    return box.key


def _header(box: Box) -> str:
    return f"{box.name} ({box.kind})" if box.name else box.kind


# --- sizes --------------------------------------------------------------------------------------------------------
@functools.lru_cache(4096)
def _text_width(text: str, size: float, bold: bool) -> float:
    """Inches."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    if not text:
        return 0.0
    path = TextPath((0, 0), text, size=size, prop=FontProperties(weight="bold" if bold else "normal"))
    return path.get_extents().x1 / 72 * (1.09 if bold else 1.05)  # hinted type is wider than its outlines


class _Measured:
    """A box with its size in inches; an unfolded model with the layout of what is within."""

    def __init__(self, box: Box, turned: bool):
        self.box = box
        name, kind = _text_width(box.name, _NAME_SIZE, True), _text_width(box.kind, _NAME_SIZE, not box.name)
        self.header_width = name + kind + (0.08 if box.name else 0)
        widths = [self.header_width, *(_text_width(line.text, _LINE_SIZE, False) for line in box.lines)]
        self.width = max(widths) + 2 * _PAD_X
        self.header = _NAME_SIZE * _LEADING / 72 + 2 * _PAD_Y
        self.height = self.header + (len(box.lines) * _LINE_SIZE * _LEADING / 72 + 2 * _PAD_Y if box.lines else 0)
        self.inner: _Graph | None = None
        if box.inner is not None:
            self.inner = _Graph(box.inner, turned)
            self.width = max(self.width, self.inner.width + 2 * _MARGIN)
            self.top = self.height
            self.height += self.inner.height + 2 * _MARGIN


class _Graph:
    """Boxes with their places. `turned` swaps the axes: ranks go from left to right."""

    def __init__(self, graph: Boxes, turned: bool):
        self.boxes = [_Measured(box, turned) for box in graph.boxes]
        sizes = {i: (m.height, m.width) if turned else (m.width, m.height) for i, m in enumerate(self.boxes)}
        self.layout: Layout = layered_layout(sizes, graph.edges, _GAP_X, _GAP_Y, _EDGE)
        self.turned = turned
        self.width, self.height = self.layout.size[::-1] if turned else self.layout.size


# --- drawing ------------------------------------------------------------------------------------------------------
def _drawn(boxes: Boxes, rankdir: str, dpi: float, splines: str, unknown: dict) -> Figure:
    if unknown.pop("layer_range", None) is not None:
        raise ValueError("Argument `layer_range` is no longer supported.")
    if unknown:
        raise ValueError(f"Unrecognized keyword arguments: {unknown}")
    if rankdir not in _RANKDIRS:
        raise ValueError(f"rankdir must be one of {', '.join(_RANKDIRS)}. Received: {rankdir!r}")
    if splines not in _SPLINES:
        raise ValueError(f"splines must be one of {', '.join(_SPLINES)}. Received: {splines!r}")
    new_figure(1, 1)  # says what to do where matplotlib is missing
    graph = _Graph(boxes, rankdir in ("LR", "RL"))
    width, height = graph.width + 2 * _MARGIN, graph.height + 2 * _MARGIN
    figure = new_figure(width, height, min(dpi, _MOST_PIXELS / max(width, height)), layout=None)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_axis_off()
    _draw_graph(axes, graph, _MARGIN, _MARGIN, rankdir, splines)
    return figure


def _draw_graph(axes: Axes, graph: _Graph, left: float, top: float, rankdir: str, splines: str) -> None:
    def at(point: tuple[float, float]) -> tuple[float, float]:
        across, along = point
        if rankdir in ("BT", "RL"):
            along = graph.layout.size[1] - along
        return (left + along, top + across) if graph.turned else (left + across, top + along)

    for path in graph.layout.paths:
        _draw_edge(axes, path, at, splines)
    for i, measured in enumerate(graph.boxes):
        x, y = at(graph.layout.centers[i])
        _draw_box(axes, measured, x - measured.width / 2, y - measured.height / 2, rankdir, splines)


def _draw_edge(axes: Axes, points: list, at, splines: str) -> None:
    from matplotlib.patches import PathPatch, Polygon
    from matplotlib.path import Path

    end = points[-1]
    points = [*points[:-1], (end[0], end[1] - _ARROW)] if end[1] - points[-2][1] > _ARROW else points
    vertices, codes = [at(points[0])], [Path.MOVETO]
    for k in range(1, len(points)):
        (x0, y0), (x1, y1) = points[k - 1], points[k]
        last = y1 - _ARROW if k == len(points) - 2 and points[-1] == end else y1  # room for the arrow's head
        middle = (y0 + last) / 2
        if k % 2 or x0 == x1:
            corners, kind = [(x1, y1)], Path.LINETO
        elif splines in ("curved", "spline"):
            corners, kind = [(x0, middle), (x1, middle), (x1, last)], Path.CURVE4
        elif splines == "ortho":
            corners, kind = [(x0, middle), (x1, middle), (x1, last)], Path.LINETO
        else:
            corners, kind = [(x1, last)], Path.LINETO
        vertices += [at(corner) for corner in corners]
        codes += [kind] * len(corners)
    axes.add_patch(PathPatch(Path(vertices, codes), fill=False, edgecolor=LINE, linewidth=1.1, capstyle="butt"))
    x, y = end
    head = [at((x, y)), at((x - 0.45 * _ARROW, y - _ARROW)), at((x + 0.45 * _ARROW, y - _ARROW))]
    axes.add_patch(Polygon(head, closed=True, facecolor=LINE, edgecolor="none"))


def _draw_box(axes: Axes, measured: _Measured, x: float, y: float, rankdir: str, splines: str) -> None:
    from matplotlib.patches import FancyBboxPatch

    box, width, height = measured.box, measured.width, measured.height
    frame = FancyBboxPatch(
        (x, y),
        width,
        height,
        boxstyle="round,pad=0,rounding_size=0.05",
        facecolor="white" if measured.inner is not None else box.color,
        edgecolor=LINE,
        linewidth=0.9,
        linestyle=(0, (4, 2)) if measured.inner is not None else "-",
    )
    axes.add_patch(frame)
    text_x, text_y = x + width / 2 - measured.header_width / 2, y + measured.header / 2
    style = {"va": "center_baseline", "color": INK, "fontsize": _NAME_SIZE}
    if box.name:
        axes.text(text_x, text_y, box.name, fontweight="bold", **style)
        axes.text(text_x + measured.header_width, text_y, box.kind, ha="right", **{**style, "color": PALE_INK})
    else:
        axes.text(x + width / 2, text_y, box.kind, fontweight="bold", ha="center", **style)
    if box.lines:
        axes.plot([x, x + width], [y + measured.header] * 2, color=LINE, linewidth=0.6)
    for i, line in enumerate(box.lines):
        line_y = y + measured.header + _PAD_Y + (i + 0.5) * _LINE_SIZE * _LEADING / 72
        axes.text(
            x + width / 2,
            line_y,
            line.text,
            ha="center",
            va="center_baseline",
            fontsize=_LINE_SIZE,
            color=line.color or INK,
        )
    if measured.inner is not None:
        inner = measured.inner
        _draw_graph(axes, inner, x + (width - inner.width) / 2, y + measured.top + _MARGIN, rankdir, splines)
