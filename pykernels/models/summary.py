"""The table of `model.summary()`."""

from __future__ import annotations

import math
import re
import shutil

import numpy as np

from ..utils.progbar import print_line
from ..utils.tree import flatten

_UNITS = ("B", "KB", "MB", "GB", "TB", "PB")


def print_summary(model, line_length, positions, print_fn, expand_nested, show_trainable, layer_range) -> None:
    """Prints the table; the arguments are those of `Model.summary`."""
    layers = model.layers
    edges = _connections(model)
    if edges is None:
        width, positions = 88, positions or [0.45, 0.80, 1.0]
        header, align = ["Layer (type)", "Output Shape", "Param #"], "llr"
    else:
        layers = [*model._graph.layers]
        width, positions = 108, positions or [0.3, 0.56, 0.74, 1.0]
        header, align = ["Layer (type)", "Output Shape", "Param #", "Connected to"], "llrl"
    if show_trainable:
        width += 12
        positions = [p * 0.90 for p in positions] + [1.0]
        header, align = [*header, "Trainable"], align + "c"
    width = line_length or min(width, shutil.get_terminal_size().columns - 4)
    first, last = _range(layers, layer_range)
    rows = []
    for layer in layers[first:last]:
        rows.extend(_rows(layer, edges, expand_nested, show_trainable))
    text = [f'Model: "{model.name}"', *_table(header, rows, _widths(positions, width), align), *_totals(model)]
    if print_fn is None:
        print_line("\n".join(text))
    else:
        print_fn("\n".join(text) + "\n")


# --- what the cells say -----------------------------------------------------------------------------------
def _connections(model) -> dict | None:
    """Layer -> names of its inputs; None for a linear chain of layers."""
    graph = model._graph
    if graph is None:
        return None
    layers = [step.target for step in graph.calls]
    chain = len(graph.inputs) == 1 and len({id(x) for x in layers}) == len(layers)
    feeds: dict = {}
    users: dict = {}
    for step in graph.calls:
        sources = [x.index for x in flatten([step.args, step.kwargs]) if hasattr(x, "index") and not callable(x.index)]
        chain = chain and len(sources) == 1
        for i in sources:
            users[i] = users.get(i, 0) + 1
        feeds.setdefault(id(step.target), []).extend(_tensor_name(graph.tensors[i]) for i in sources)
    return None if chain and all(n == 1 for n in users.values()) else feeds


def _tensor_name(tensor) -> str:
    history = getattr(tensor, "_keras_history", None)
    if history is None:
        return tensor.node.name
    return f"{history.operation.name}[{history.node_index}][{history.tensor_index}]"


def _rows(layer, edges, expand_nested, show_trainable, level=0) -> list[list[str]]:
    prefix = "   " * level + "└ " if level else ""
    params = f"{layer.count_params():,}" if layer.built else "0 (unbuilt)"
    row = [f"{prefix}{layer.name} ({type(layer).__name__})", _output_shape(layer), params]
    if edges is not None:
        row.append(", ".join(edges.get(id(layer), [])) or "-")
    if show_trainable:
        row.append(("Y" if layer.trainable else "N") if layer.weights else "-")
    rows = [row]
    if expand_nested:
        for inner in getattr(layer, "layers", ()):
            rows.extend(_rows(inner, edges, expand_nested, show_trainable, level + 1))
    return rows


def _output_shape(layer) -> str:
    if layer._inbound_nodes:
        shapes = [_shape_text(t.shape) for t in layer._inbound_nodes[-1].output_tensors]
    elif getattr(layer, "_graph", None) is not None:
        shapes = [_shape_text(t.shape) for t in layer.outputs]
    elif layer._build_shapes_dict:
        try:
            shapes = [_shape_text(layer.compute_output_shape(**layer._build_shapes_dict))]
        except (NotImplementedError, TypeError, ValueError):
            return "?"
    else:
        return "?"
    return shapes[0] if len(shapes) == 1 else f"[{', '.join(shapes)}]"


def _shape_text(shape) -> str:
    return f"({', '.join(str(d) for d in shape)})"


def _totals(model) -> list[str]:
    trainable, frozen = model.trainable_weights, model.non_trainable_weights
    optimizer = model.optimizer.variables if model.compiled and model.optimizer.built else None
    lines = [
        ("Total params", [*trainable, *frozen, *(optimizer or [])]),
        ("Trainable params", trainable),
        ("Non-trainable params", frozen),
    ]
    if optimizer is not None:
        lines.append(("Optimizer params", optimizer))
    return [f" {name}: {_count(v):,} ({_size(v)})" for name, v in lines]


def _count(variables) -> int:
    return sum(math.prod(v.shape) for v in variables)


def _size(variables) -> str:
    size = float(sum(math.prod(v.shape) * np.dtype(v.dtype).itemsize for v in variables))
    for unit in _UNITS[:-1]:
        if size < 1024:
            return f"{size:.2f} {unit}"
        size /= 1024
    return f"{size:.2f} {_UNITS[-1]}"


def _range(layers, layer_range) -> tuple[int, int]:
    if layer_range is None:
        return 0, len(layers)
    if len(layer_range) != 2:
        raise ValueError(
            f"layer_range must be a list or tuple of length 2. Received: layer_range = {layer_range} of length "
            f"{len(layer_range)}"
        )
    if not all(isinstance(name, str) for name in layer_range):
        raise ValueError(f"layer_range should contain string type only. Received: {layer_range}")
    low = [i for i, layer in enumerate(layers) if re.match(layer_range[0], layer.name)]
    high = [i for i, layer in enumerate(layers) if re.match(layer_range[1], layer.name)]
    if not low or not high:
        raise ValueError(
            f"Passed layer_names do not match the layer names in the model. Received: {layer_range}. The layers are "
            f"{[layer.name for layer in layers]}"
        )
    return min(min(low), min(high)), max(max(low), max(high)) + 1


# --- the frame ----------------------------------------------------------------------------------------------
def _widths(positions, line_length: int) -> list[int]:
    """Widths of the cells, padding included. Columns end at `positions`; frame and padding are then taken off all
    columns alike, as in Keras's tables."""
    widths, end = [], 0
    for position in positions:
        width = int(position * line_length) - end
        if width < 4:
            raise ValueError("Insufficient console width to print summary.")
        widths.append(width + 2)
        end += width
    excess = sum(widths) - (line_length - len(widths) - 1)
    for i in range(len(widths)):
        less = round(excess / (len(widths) - i))
        widths[i] -= less
        excess -= less
    return widths


def _table(header: list[str], rows: list[list[str]], widths: list[int], align: str) -> list[str]:
    lines = ["┏" + "┳".join("━" * w for w in widths) + "┓"]
    lines += _row_lines(header, widths, align, "┃")
    lines.append("┡" + "╇".join("━" * w for w in widths) + "┩")
    for i, row in enumerate(rows):
        if i:
            lines.append("├" + "┼".join("─" * w for w in widths) + "┤")
        lines += _row_lines(row, widths, align, "│")
    lines.append("└" + "┴".join("─" * w for w in widths) + "┘")
    return lines


def _row_lines(cells: list[str], widths: list[int], align: str, bar: str) -> list[str]:
    wrapped = [_wrap(cell, width - 2) for cell, width in zip(cells, widths, strict=True)]
    lines = []
    for i in range(max(map(len, wrapped))):
        parts = [
            _justified(lines_of[i] if i < len(lines_of) else "", width - 2, how)
            for lines_of, width, how in zip(wrapped, widths, align, strict=True)
        ]
        lines.append(f"{bar} " + f" {bar} ".join(parts) + f" {bar}")
    return lines


def _wrap(text: str, width: int) -> list[str]:
    """Lines of at most `width`, broken at spaces; a longer word ends in an ellipsis."""
    indent = text[: len(text) - len(text.lstrip())]
    lines = [""]
    for word in text.split():
        word = (indent + word) if lines == [""] else word
        if lines[-1] and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += " " + word
        elif lines[-1]:
            lines.append(word)
        else:
            lines[-1] = word
    return [line if len(line) <= width else line[: width - 1] + "…" for line in lines]


def _justified(text: str, width: int, how: str) -> str:
    return text.rjust(width) if how == "r" else text.center(width) if how == "c" else text.ljust(width)
