"""plot_model: the layout, what boxes say, the files."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pykernels
from pykernels import ops
from pykernels.layers import Activation, Add, Concatenate, Dense, Dropout, Input
from pykernels.models import Model, Sequential
from pykernels.visualization import model_to_dot, plot_model
from pykernels.visualization.layered import layered_layout

pytest.importorskip("matplotlib")


@st.composite
def graphs(draw):
    count = draw(st.integers(1, 14))
    sizes = {i: (draw(st.integers(1, 30)) / 10, draw(st.integers(1, 12)) / 10) for i in range(count)}
    pairs = list(itertools.combinations(range(count), 2))
    return sizes, draw(st.lists(st.sampled_from(pairs), max_size=20, unique=True)) if pairs else []


@given(graphs())
@settings(max_examples=150)
def test_boxes_and_edges_do_not_overlap(graph):
    sizes, edges = graph
    layout = layered_layout(sizes, edges, gap_x=0.3, gap_y=0.4, edge_width=0.1)
    width, height = layout.size
    boxes = {}
    for key, (w, h) in sizes.items():
        x, y = layout.centers[key]
        boxes[key] = (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
        assert boxes[key][0] >= -1e-9
        assert boxes[key][1] >= -1e-9
        assert boxes[key][2] <= width + 1e-9
        assert boxes[key][3] <= height + 1e-9
    for a, b in itertools.combinations(boxes.values(), 2):
        beside = a[2] + 0.3 <= b[0] + 1e-6 or b[2] + 0.3 <= a[0] + 1e-6
        assert beside or a[3] + 0.4 <= b[1] + 1e-6 or b[3] + 0.4 <= a[1] + 1e-6
    for (a, b), path in zip(edges, layout.paths, strict=True):
        assert path[0] == pytest.approx((layout.centers[a][0], boxes[a][3]))
        assert path[-1] == pytest.approx((layout.centers[b][0], boxes[b][1]))
        assert all(lower[1] >= upper[1] - 1e-9 for upper, lower in itertools.pairwise(path))
        for (x, y0), (_, y1) in zip(path[0::2], path[1::2], strict=True):  # the vertical pieces
            for key, box in boxes.items():
                if key not in (a, b):
                    assert not (box[0] < x < box[2] and y0 < box[3] - 1e-9 and y1 > box[1] + 1e-9)


def test_a_chain_with_shortcuts_is_straight():
    sizes = {i: (1.0 + 0.1 * (i % 3), 0.5) for i in range(9)}
    edges = [*itertools.pairwise(range(9)), (0, 3), (3, 6), (6, 8)]
    layout = layered_layout(sizes, edges, 0.3, 0.4, 0.1)
    assert len({round(x, 9) for x, _ in layout.centers.values()}) == 1


def residual():
    x = Input((8,), name="x")
    y = Dense(8, activation="relu", name="a")(x)
    y = Dropout(0.5, name="drop")(y)
    y = Add(name="sum")([x, y])
    return Model(x, [Dense(3, name="left")(y), Dense(1, name="right")(y)], name="residual")


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def test_boxes_say_what_is_asked_for(tmp_path):
    model = residual()
    model.get_layer("a").trainable = False
    assert texts(plot_model(model, None)) == ["InputLayer", "Dense", "Dropout", "Add", "Dense", "Dense"]
    said = texts(
        plot_model(
            model,
            tmp_path / "model.png",
            show_shapes=True,
            show_dtype=True,
            show_layer_names=True,
            show_layer_activations=True,
            show_trainable=True,
        )
    )
    a = said.index("a")
    expected = ["a", "Dense", "activation: relu", "(None, 8)  →  (None, 8)", "float32", "not trainable"]
    assert said[a : a + 6] == expected
    assert said[:4] == ["x", "InputLayer", "(None, 8)", "float32"]
    assert "(None, 8), (None, 8)  →  (None, 8)" in said
    assert said.count("trainable") == 2
    assert (tmp_path / "model.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("rankdir", ["TB", "BT", "LR", "RL"])
@pytest.mark.parametrize("splines", ["curved", "ortho", "line"])
def test_directions(rankdir, splines, tmp_path):
    figure = plot_model(residual(), tmp_path / "m.svg", rankdir=rankdir, splines=splines, show_layer_names=True)
    xml.etree.ElementTree.parse(tmp_path / "m.svg")
    place = {text.get_text(): text.get_position() for text in figure.axes[0].texts}
    (x0, y0), (x1, y1) = place["x"], place["sum"]
    along = {"TB": y1 - y0, "BT": y0 - y1, "LR": x1 - x0, "RL": x0 - x1}[rankdir]
    assert along > 0.5


def test_nested_models_are_unfolded_when_asked():
    inner = Sequential([Input((4,)), Dense(3, name="deep"), Dense(2, name="deeper")], name="encoder")
    a, b = Input((4,), name="a"), Input((4,), name="b")
    difference = ops.abs(inner(a) - inner(b))
    model = Model([a, b], Concatenate(name="joined")([difference, inner(a)]))
    folded = texts(plot_model(model, None, show_layer_names=True))
    assert folded.count("encoder") == 1
    assert "deep" not in folded
    assert "subtract" in folded
    unfolded = texts(plot_model(model, None, show_layer_names=True, expand_nested=True))
    assert "deeper" in unfolded


def test_a_shared_layer_that_feeds_itself():
    x = Input((4,))
    layer = Dense(4, name="shared")
    y = Activation("relu")(layer(x))
    assert texts(plot_model(Model(x, layer(y)), None, show_layer_names=True)).count("shared") == 2


class Free(Model):
    def __init__(self):
        super().__init__()
        self.dense = Dense(2)

    def call(self, x):
        return self.dense(x)


def test_models_without_a_graph():
    model = Free()
    with pytest.raises(ValueError, match="not yet been built"):
        plot_model(model, None)
    with pytest.raises(ValueError, match="not yet been built"):
        plot_model(Sequential([Dense(2)]), None)
    model(np.ones((1, 3), "f"))
    assert texts(plot_model(model, None)) == ["Free"]


def test_dot():
    dot = model_to_dot(residual(), rankdir="LR")
    text = dot.to_string()
    assert "rankdir=LR" in text
    assert text.count("->") == 6
    assert 'label="{a (Dense)}"' in text
    assert dot.create(prog="dot", format="svg").lstrip().startswith(b"<?xml")
    assert dot.create_png().startswith(b"\x89PNG")
    with pytest.raises(NotImplementedError, match="pydot"):
        model_to_dot(residual(), subgraph=True)


def test_wrong_arguments():
    for arguments, message in (
        ({"rankdir": "up"}, "rankdir.*TB.*'up'"),
        ({"splines": "wavy"}, "splines.*'wavy'"),
        ({"layer_range": ["a", "b"]}, "layer_range"),
        ({"show_colours": True}, "show_colours"),
    ):
        with pytest.raises(ValueError, match=message):
            plot_model(residual(), None, **arguments)


def test_long_models_stay_within_what_can_be_rendered():
    model = Sequential([Input((2,)), *(Dense(2) for _ in range(100))])
    figure = plot_model(model, None, dpi=2000)
    assert max(figure.get_size_inches()) * figure.dpi <= 60_000


def test_where_keras_has_it():
    assert pykernels.utils.plot_model is plot_model
    assert pykernels.utils.model_to_dot is model_to_dot
