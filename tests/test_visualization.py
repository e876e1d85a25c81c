"""Curves and confusion matrices."""

from __future__ import annotations

import io
import types

import numpy as np
import pytest

from pykernels.visualization import confusion_matrix, plot_confusion_matrix, plot_history

pytest.importorskip("matplotlib")

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


def test_metrics_can_be_chosen():
    assert len(plot_history(HISTORY, metrics=["accuracy"]).axes) == 1
    with pytest.raises(ValueError, match=r"no metric 'mae'.*accuracy"):
        plot_history(HISTORY, metrics=["mae"])
    with pytest.raises(ValueError, match="empty"):
        plot_history({})


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
