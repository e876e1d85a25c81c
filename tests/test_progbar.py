"""The progress line: a bar on a terminal, one plain line per epoch elsewhere, few redraws."""

import io
import re
import sys
import time

import numpy as np
import pytest

from pykernels import layers, models
from pykernels.utils.progbar import Progbar


class Terminal(io.StringIO):
    encoding = "utf-8"

    def __init__(self):
        super().__init__()
        self.writes = []

    def isatty(self):
        return True

    def write(self, text):
        self.writes.append((time.monotonic(), text))
        return super().write(text)


@pytest.fixture
def new_terminal(monkeypatch):
    """A function that makes standard output a terminal (in the test itself: pytest replaces it between the phases)."""

    def make(out=None):
        out = out or Terminal()
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setenv("TERM", "xterm")
        return out

    return make


def plain(text):
    return re.sub(r"\x1b\[\d+m", "", text)


X, Y = np.ones((76 * 4, 3), "float32"), np.zeros(76 * 4, int)


def model_of():
    model = models.Sequential([layers.Dense(2, activation="softmax", input_dim=3)])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


NUMBERS = r"accuracy: \d\.\d{4}(e[-+]\d+)? - loss: \d\.\d{4}(e[-+]\d+)?"


def test_lines_in_a_file(capsys):
    model = model_of()
    model.fit(X, Y, epochs=2, batch_size=4, validation_data=(X, Y))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Epoch 1/2"
    assert lines[2] == "Epoch 2/2"
    number = NUMBERS + " - val_" + NUMBERS.replace(" - ", " - val_")
    assert re.fullmatch(rf"76/76 - 0s - \d+(us|ms)/step - {number}", lines[1]), lines[1]
    assert len(lines) == 4
    model.fit(X, Y, batch_size=4)
    assert len(capsys.readouterr().out.splitlines()) == 1  # no "Epoch 1/1", as in Keras
    model.evaluate(X, Y, batch_size=4)
    assert re.fullmatch(rf"76/76 - 0s - \d+(us|ms)/step - {NUMBERS}\n", capsys.readouterr().out)
    model.predict(X, batch_size=4)
    assert re.fullmatch(r"76/76 - 0s - \d+(us|ms)/step\n", capsys.readouterr().out)
    model.fit(X, Y, epochs=3, verbose=2, batch_size=4)
    assert len(capsys.readouterr().out.splitlines()) == 6
    model.fit(X, Y, verbose=0)
    model.evaluate(X, Y, verbose=0)
    model.predict(X, verbose=0)
    assert capsys.readouterr().out == ""


def test_bar_on_a_terminal(new_terminal):
    terminal = new_terminal()
    model_of().fit(X, Y, epochs=2, batch_size=4)
    text = plain(terminal.getvalue())
    lines = [line.split("\r")[-1].rstrip() for line in text.split("\n")]
    assert lines[0] == "Epoch 1/2"
    assert re.fullmatch(rf"76/76 ━{{20}} 0s \d+(us|ms)/step - {NUMBERS}", lines[1]), lines[1]
    assert "\x1b[1m76/76\x1b[0m \x1b[32m━━━━━━━━━━━━━━━━━━━━\x1b[0m" in terminal.getvalue()


def test_at_most_ten_redraws_a_second(new_terminal, monkeypatch):
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)  # a second in steps of 5 ms, however busy the machine is
    terminal = new_terminal()
    bar = Progbar(1000, interval=0.0)
    for step in range(1, 201):
        now += 0.005
        bar.update(step, [("loss", 1.0)], finalize=False)
    assert 8 <= len(terminal.writes) <= 11
    assert re.search(r"ETA|\d+s", terminal.getvalue())


def test_eta_and_padding(new_terminal):
    terminal = new_terminal()
    bar = Progbar(100, interval=0.0)
    bar.interval = 0
    bar.update(1, [("loss", 12345.678)], finalize=False)
    time.sleep(0.02)
    bar.update(50, [("loss", 0.5)], finalize=False)
    last = plain(terminal.getvalue()).split("\r")[-1]
    assert re.match(r" 50/100 ━{20} 0s \d+us/step - loss:", last)
    bar = Progbar(100, interval=0.0)
    bar.update(100, [("loss", 0.0001)])
    assert plain(terminal.getvalue()).endswith("- loss: 1.0000e-04\n")


def test_averages_and_stateful_metrics(new_terminal):
    terminal = new_terminal()
    bar = Progbar(10, interval=0.0, stateful_metrics=["acc"])
    bar.interval = 0
    bar.update(1, [("loss", 1.0), ("acc", 0.25)], finalize=False)
    bar.update(3, [("loss", 4.0), ("acc", 0.5)], finalize=False)
    assert "loss: 3.0000 - acc: 0.5000" in plain(terminal.getvalue())
    with pytest.raises(ValueError, match="Only one of"):
        Progbar(3, stateful_metrics=[], stateless_metrics=[])


def test_unknown_length(new_terminal):
    terminal = new_terminal()

    def batches():
        for i in range(0, len(X), 4):
            yield X[i : i + 4], Y[i : i + 4]

    model_of().fit(batches(), epochs=1)
    assert re.search(r"76/76 ━{20}", plain(terminal.getvalue()))


def test_streams_that_cannot_show_the_bar(new_terminal, monkeypatch):
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii", write_through=True)
    out.isatty = lambda: True
    new_terminal(out)
    model_of().fit(X, Y, batch_size=4)
    assert b"76/76" in raw.getvalue()
    assert b"====" in raw.getvalue()
    monkeypatch.setattr(sys, "stdout", None)
    model_of().fit(X, Y)
