"""Curves, confusion matrices, images and filters."""

from __future__ import annotations

import io
import types

import numpy as np
import pytest
from PIL import Image

from pykernels.callbacks import LearningRateScheduler
from pykernels.layers import Conv2D, Dense, Flatten, Input
from pykernels.models import Sequential
from pykernels.visualization import (
    as_picture,
    confusion_matrix,
    plot_activations,
    plot_confusion_matrix,
    plot_filters,
    plot_history,
    plot_images,
    plot_predictions,
    select_predictions,
)

Text = pytest.importorskip("matplotlib.text").Text

HISTORY = {"loss": [2.0, 1.0, 0.5], "accuracy": [0.3, 0.6, 0.9], "val_loss": [2.1, 1.2, 0.8]}


def test_a_panel_for_each_metric_and_a_line_for_each_part():
    figure = plot_history(types.SimpleNamespace(history=HISTORY), title="Title")
    loss, accuracy = figure.axes
    assert [line.get_label() for line in loss.lines] == ["training", "validation"]
    assert [line.get_label() for line in accuracy.lines] == ["training"]
    np.testing.assert_array_equal(loss.lines[1].get_ydata(), HISTORY["val_loss"])
    np.testing.assert_array_equal(loss.lines[1].get_xdata(), [1, 2, 3])
    assert (loss.get_title("left"), accuracy.get_title("left")) == ("loss", "accuracy")
    out = io.BytesIO()
    figure.savefig(out)
    assert out.getvalue().startswith(b"\x89PNG")


def test_one_epoch_is_in_the_middle():
    axes = plot_history({"loss": [2.0], "val_loss": [2.1]}).axes[0]
    assert axes.get_xlim() == (0.5, 1.5)
    assert [tick for tick in axes.get_xticks() if 0.5 < tick < 1.5] == [1]


def test_metrics_can_be_chosen():
    assert len(plot_history(HISTORY, metrics=["accuracy"]).axes) == 1
    with pytest.raises(ValueError, match=r"no metric 'mae'.*accuracy"):
        plot_history(HISTORY, metrics=["mae"])
    for empty in ({}, {"loss": []}, [{"loss": []}]):
        with pytest.raises(ValueError, match="empty"):
            plot_history(empty)


def marks(axes):
    return {line.get_xdata()[0]: line.get_linestyle() for line in axes.lines if line.get_label().startswith("_child")}


def test_histories_are_chained_and_changes_of_the_learning_rate_are_marked():
    model = Sequential([Dense(1, input_shape=(3,))])
    model.compile("sgd", "mse", metrics=["mae"])
    x, y = np.ones((8, 3), "f"), np.ones((8, 1), "f")
    first = model.fit(x, y, epochs=4, verbose=0)  # epochs that nobody watches
    model.optimizer.learning_rate = 0.001
    second = model.fit(x, y, epochs=3, validation_split=0.5, verbose=0)
    third = model.fit(x, y, epochs=2, verbose=0)
    loss, mae = plot_history([first, second, third]).axes
    training, validation = (line for line in loss.lines if not line.get_label().startswith("_"))
    np.testing.assert_array_equal(
        training.get_ydata(), first.history["loss"] + second.history["loss"] + third.history["loss"]
    )
    np.testing.assert_array_equal(validation.get_xdata(), [5, 6, 7])
    assert marks(mae) == {4.5: "--", 7.5: ":"}
    assert "lr 0.001" in [text.get_text() for text in loss.texts]
    assert set(marks(plot_history([first, second], mark_learning_rate=False).axes[0]).values()) == {":"}


def test_a_learning_rate_that_changes_all_the_time_gets_a_panel():
    model = Sequential([Dense(1, input_shape=(3,))])
    model.compile("sgd", "mse")
    x, y = np.ones((8, 3), "f"), np.ones((8, 1), "f")
    scheduler = LearningRateScheduler(lambda epoch: 0.1 * 0.5**epoch)
    history = model.fit(x, y, epochs=9, verbose=0, callbacks=[scheduler])
    assert [rate for _, rate in history.history.rates] == [np.float32(0.1 * 0.5**i) for i in range(9)]
    loss, rate = plot_history(history).axes
    assert (rate.get_title("left"), rate.get_yscale(), marks(loss)) == ("learning rate", "log", {})
    np.testing.assert_allclose(rate.lines[0].get_ydata(), history.history["lr"], rtol=1e-6)


def test_old_and_new_names_of_the_accuracy_are_one_metric():
    chained = [{"loss": [1.0], "acc": [0.5]}, {"loss": [0.5], "accuracy": [0.6], "val_acc": [0.4]}]
    figure = plot_history(chained)
    assert [axes.get_title("left") for axes in figure.axes] == ["loss", "accuracy"]
    np.testing.assert_array_equal(figure.axes[1].lines[0].get_ydata(), [0.5, 0.6])
    np.testing.assert_array_equal(figure.axes[1].lines[1].get_xdata(), [2])
    with pytest.raises(ValueError, match="list of those"):
        plot_history([1, 2])


def test_confusion_matrix_counts():
    expected = np.array([[1, 1, 0], [0, 2, 0], [1, 0, 0]])
    true, predicted = [0, 0, 1, 1, 2], [0, 1, 1, 1, 0]
    np.testing.assert_array_equal(confusion_matrix(true, predicted), expected)
    np.testing.assert_array_equal(confusion_matrix(np.eye(3)[true], np.eye(3)[predicted] * 0.6 + 0.1), expected)
    np.testing.assert_array_equal(confusion_matrix(np.array(true)[:, None], predicted), expected)
    assert confusion_matrix(true, predicted, 5).shape == (5, 5)
    with pytest.raises(ValueError, match="5 true classes but 4"):
        confusion_matrix(true, predicted[:4])
    with pytest.raises(ValueError, match=r"0 \.\. 1"):
        confusion_matrix(true, predicted, 2)


def test_the_picture_shows_the_counts_and_names():
    figure = plot_confusion_matrix([0, 0, 1, 1, 2], [0, 1, 1, 1, 0], class_names=["cat", "dog", "bird"])
    axes = figure.axes[0]
    assert sorted(text.get_text() for text in axes.texts) == ["1", "1", "1", "2"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog", "bird"]
    assert axes.get_title("left") == "accuracy 60.0% of 5 samples"
    shares = plot_confusion_matrix([0, 0, 1, 1, 2], [0, 1, 1, 1, 0], normalize=True).axes[0].texts
    assert sorted(text.get_text() for text in shares) == ["100", "100", "50", "50"]
    with pytest.raises(ValueError, match="no samples"):
        plot_confusion_matrix([], [])


def test_pictures_of_every_kind():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    np.testing.assert_array_equal(as_picture(image), image)
    np.testing.assert_allclose(as_picture(image.astype("f")), image / 255, atol=1e-7)
    np.testing.assert_array_equal(as_picture(image.transpose(2, 0, 1), "channels_first"), image)
    assert as_picture(image[..., :1]).shape == (5, 7)
    unit = image / 255.0
    np.testing.assert_allclose(as_picture(unit), unit, atol=1e-7)
    spread = as_picture(unit * 2 - 1)
    assert (spread.min(), spread.max()) == (0, 1)
    assert np.isfinite(as_picture(np.full((2, 2), np.nan))).all()
    with pytest.raises(ValueError, match=r"channels_first"):
        as_picture(image.transpose(2, 0, 1))
    with pytest.raises(ValueError, match=r"\(2, 2, 2, 2\)"):
        as_picture(np.zeros((2, 2, 2, 2)))
    with pytest.raises(ValueError, match="data_format"):
        as_picture(image, "hwc")


def test_images_with_titles(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (10, 4, 4, 3), dtype=np.uint8)
    figure = plot_images(images, titles=[*"abcdefghi", 0.12345])
    shown = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title() for axes in shown] == [*"abcdefghi", "0.123"]
    np.testing.assert_array_equal(shown[3].images[0].get_array(), images[3])
    image = pytest.importorskip("PIL.Image").fromarray(images[0])
    image.save(tmp_path / "one.png")
    figure = plot_images([tmp_path / "one.png", image], columns=1)
    for axes in figure.axes:
        np.testing.assert_array_equal(axes.images[0].get_array(), images[0])
    with pytest.raises(ValueError, match="10 images but 2 titles"):
        plot_images(images, titles=["a", "b"])
    with pytest.raises(ValueError, match="no images"):
        plot_images([])


def lesson_view(view, probs, labels, cats):
    """The lesson's own lines; `probs` is the probability of class 0."""
    preds = np.round(1 - probs)
    if view == "most_uncertain":
        return np.argsort(np.abs(probs - 0.5), kind="stable")
    right = preds == labels if view == "most_correct" else preds != labels
    rows = np.where((preds == (0 if cats else 1)) & right)[0]
    order = np.argsort(probs[rows], kind="stable")
    return rows[order[::-1]] if cats else rows[order]


@pytest.mark.parametrize("view", ["most_correct", "most_incorrect", "most_uncertain"])
@pytest.mark.parametrize("cats", [True, False])
def test_the_views_choose_what_the_lesson_chooses(view, cats):
    rng = np.random.default_rng(3)
    probs, labels = rng.random(200), rng.integers(0, 2, 200)
    y_pred = np.stack([probs, 1 - probs], axis=1)
    class_index = None if view == "most_uncertain" else 0 if cats else 1
    chosen = select_predictions(labels, y_pred, view, 4, class_index)
    np.testing.assert_array_equal(chosen, lesson_view(view, probs, labels, cats)[:4])
    of_class_1 = select_predictions(np.eye(2)[labels], 1 - probs, view, 4, class_index)
    np.testing.assert_array_equal(of_class_1, chosen)


def test_random_views_are_random_but_repeatable():
    rng = np.random.default_rng(4)
    y_pred, labels = rng.dirichlet(np.ones(5), 300), rng.integers(0, 5, 300)
    right = select_predictions(labels, y_pred, "correct", 6, seed=1)
    assert (y_pred.argmax(1)[right] == labels[right]).all()
    assert len(set(right)) == 6
    np.testing.assert_array_equal(right, select_predictions(labels, y_pred, "correct", 6, seed=1))
    assert list(right) != list(select_predictions(labels, y_pred, "correct", 6, seed=2))
    with pytest.raises(ValueError, match="most_uncertain"):
        select_predictions(labels, y_pred, "random")
    with pytest.raises(ValueError, match=r"0 \.\. 4"):
        select_predictions(labels, y_pred, "correct", class_index=5)
    with pytest.raises(ValueError, match="3 true classes but 300"):
        select_predictions(labels[:3], y_pred, "correct")


def test_the_five_views_in_one_figure():
    labels = np.array([0, 0, 1, 1])
    y_pred = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.45, 0.55]])
    images = np.arange(4 * 2 * 2 * 3, dtype=np.uint8).reshape(4, 2, 2, 3)
    figure = plot_predictions(images, labels, y_pred, {"cat": 0, "dog": 1}, count=2, seed=0)
    headings = [part.get_suptitle() for part in figure.subfigs]
    assert headings == [
        "Correct, at random",
        "Incorrect, at random",
        "Most confident to be cat, and right",
        "Most confident to be dog, and right",
        "Most confident to be dog, but wrong",
        "Most uncertain",
    ]
    wrong = figure.subfigs[4].axes[0]
    assert (wrong.get_title(), wrong.get_xlabel()) == ("dog 0.800", "true: cat")
    np.testing.assert_array_equal(wrong.images[0].get_array(), images[1])
    assert [axes.get_title() for axes in figure.subfigs[5].axes] == ["dog 0.550", "dog 0.600"]
    with pytest.raises(ValueError, match="no samples"):
        plot_predictions(images[:1], labels[:1], y_pred[:1], views="incorrect")
    with pytest.raises(ValueError, match="3 class names"):
        plot_predictions(images, labels, y_pred, ["a", "b", "c"])


def test_filters():
    kernel = np.random.default_rng(0).normal(size=(3, 3, 3, 10))
    figure = plot_filters(types.SimpleNamespace(name="conv", kernel=kernel), count=9)
    tiles = [axes for axes in figure.axes if axes.images]
    assert len(tiles) == 9
    limit = np.abs(kernel[..., :9]).max()
    np.testing.assert_allclose(tiles[4].images[0].get_array(), 0.5 + 0.5 * kernel[..., 4] / limit)
    layer = types.SimpleNamespace(name="conv", kernel=kernel[:, :, :2])
    tile = plot_filters(layer, channel=1).axes[2]
    np.testing.assert_array_equal(tile.images[0].get_array(), kernel[:, :, 1, 2])
    with pytest.raises(ValueError, match=r"0 \.\. 1"):
        plot_filters(layer, channel=2)
    with pytest.raises(ValueError, match=r"shape \(3, 4\)"):
        model = Sequential([Dense(4, input_shape=(3,))])
        plot_filters(model.layers[0])
    with pytest.raises(ValueError, match="not built"):
        plot_filters(Dense(4))


@pytest.mark.parametrize("overlay", [False, True])
def test_heatmaps_are_the_outputs_of_the_layer(overlay):
    model = Sequential([Input((8, 6, 3)), Conv2D(5, 3, activation="relu", name="c"), Flatten(), Dense(2)])
    image = np.random.default_rng(0).uniform(-1, 1, (8, 6, 3)).astype("f")
    want = Sequential(model.layers[:1]).predict(image[None], verbose=0)[0]
    for layer in ("c", 0, model.layers[0]):
        figure = plot_activations(model, layer, image, overlay=overlay)
        shown = [axes for axes in figure.axes if axes.images]
        assert len(shown) == 1 + 5
        figure.draw_without_rendering()
        tops = [axes.get_position().y1 for axes in shown]
        np.testing.assert_allclose(tops, tops[0], atol=1e-6)  # one row
        for number, axes in enumerate(shown[1:]):
            assert axes.get_title().startswith(f"{number}: ")
            heatmap = np.asarray(axes.images[-1].get_array())
            np.testing.assert_allclose(heatmap, want[..., number], rtol=1e-5, atol=1e-6)
    strongest = np.sort(np.argsort(-want.max((0, 1)))[:2])
    titles = [axes.get_title() for axes in plot_activations(model, "c", image[None], count=2).axes[1:3]]
    assert [int(title.partition(":")[0]) for title in titles] == strongest.tolist()


def test_heatmaps_of_something_else():
    model = Sequential([Input((8, 6, 3)), Conv2D(5, 3, name="c"), Flatten(name="f"), Dense(2)])
    image = np.zeros((8, 6, 3))
    with pytest.raises(TypeError, match=r"its name or its number\. Received: ndarray"):
        plot_activations(model, image, "c")
    with pytest.raises(ValueError, match="layer 'f' has the shape"):
        plot_activations(model, "f", image)
    with pytest.raises(ValueError, match="takes one image"):
        plot_activations(model, "c", np.zeros((2, 8, 6, 3)))


def test_names_of_a_confusion_matrix_are_inside_the_picture():
    names = ["watermelon" if i == 19 else "ice cream" for i in range(20)]
    figure = plot_confusion_matrix(list(range(20)), list(range(20)), names)
    figure.savefig(io.BytesIO())
    axes = figure.axes[0]
    for text in (axes.xaxis.label, axes.yaxis.label, *axes.get_yticklabels()):
        box = text.get_window_extent()
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1, text
        assert figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1, text


def texts_outside(figure):
    """Texts of a figure that are cut off at its border."""
    figure.draw_without_rendering()  # lays it out
    whole = figure.bbox
    texts = [text for axes in figure.findobj(lambda a: hasattr(a, "get_title")) for text in axes.findobj(Text)]
    texts = [text for text in [*texts, *figure.texts] if text.get_visible() and text.get_text().strip()]
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts]
    return [t for t, b in boxes if b.x0 < whole.x0 - 1 or b.x1 > whole.x1 + 1 or b.y0 < -1 or b.y1 > whole.y1 + 1]


def test_long_titles_are_inside_the_picture():
    images = np.zeros((4, 8, 8, 3))
    long = "a long title that does not fit above one picture, not even in two lines of text"
    figure = plot_images(images, [long, "b", "a_file_name_without_any_spaces_in_it_000001.jpg", "first\nsecond"])
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[0].count("\n") == 1 and titles[0].endswith("\N{HORIZONTAL ELLIPSIS}") and titles[3] == "first\nsecond"
    assert texts_outside(figure) == []
    names = ["a very long class name indeed", "another quite long class name"]
    for views in ("correct", "incorrect"):
        assert texts_outside(plot_predictions(images, [0, 1, 0, 1], np.eye(2)[[0, 1, 1, 0]], names, views)) == []
    for kinds in (names, [*names, "c"], ["cat", "dog"]):
        classes = np.arange(len(kinds))
        for title in (None, "The confusion matrix of the network that was trained first"):
            assert texts_outside(plot_confusion_matrix(classes, classes, kinds, title=title)) == []


def test_one_image_alone():
    rgb = np.zeros((5, 6, 3))
    assert [len(plot_images(one).axes) for one in (rgb, rgb[..., 0], Image.fromarray(rgb.astype("uint8")))] == [1] * 3
    assert len(plot_images(rgb.transpose(2, 0, 1), data_format="channels_first").axes) == 1
    assert len(plot_images(np.zeros((3, 5, 6))).axes) == 3  # grey ones


def test_probabilities_of_the_second_class():
    true = [0, 1, 1, 0]
    for predicted in ([0.2, 0.9, 0.3, 0.5], np.float32([[0.2], [0.9], [0.3], [0.5]])):
        np.testing.assert_array_equal(confusion_matrix(true, predicted), [[2, 0], [1, 1]])
    np.testing.assert_array_equal(confusion_matrix(true, np.float32([0, 1, 2, 0])), [[2, 0, 0], [0, 1, 1], [0, 0, 0]])
    for wrong in ([0.2, 1.5, 0, 0], [0, 1, np.nan, 0]):
        with pytest.raises(ValueError, match="neither class numbers nor probabilities"):
            confusion_matrix(true, wrong)
