"""``python -m pykernels demo``: a small network learns the bundled handwritten digits.

The data are the 1,797 pictures of 8x8 pixels of the UCI "Optical Recognition of Handwritten Digits" set (E. Alpaydin
and C. Kaynak, CC BY 4.0) that come with pykernels.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from pathlib import Path
from typing import Any

import numpy as np

from pykernels import config_info
from pykernels.datasets import digits
from pykernels.layers import Dense, Dropout, Flatten, Input
from pykernels.models import Sequential
from pykernels.utils import set_random_seed
from pykernels.visualization import confusion_matrix, plot_confusion_matrix, plot_history


def build_model() -> Any:
    """64 pixels, two hidden layers with dropout, ten classes."""
    layers = [
        Input((8, 8)),
        Flatten(),
        Dense(128, activation="relu"),
        Dropout(0.3),
        Dense(64, activation="relu"),
        Dense(10, activation="softmax"),
    ]
    return Sequential(layers, name="digits")


def _reload(model: Any, path: Path, x: np.ndarray) -> np.ndarray:
    """Save the weights, load them into a new model, and return its predictions after comparing them."""
    model.save_weights(path)
    again = build_model()
    again.load_weights(path)
    predictions = again.predict(x, verbose=0)
    if not np.array_equal(predictions, model.predict(x, verbose=0)):
        raise RuntimeError(f"the model reloaded from {path} predicts something else")
    return predictions


def _most_confused(counts: np.ndarray) -> str:
    off = counts - np.diag(np.diag(counts))
    if not off.any():
        return "no digit was taken for another"
    true, predicted = np.unravel_index(off.argmax(), off.shape)
    return f"most frequent mistake: a {true} taken for a {predicted} ({off.max()} of {counts[true].sum()})"


def run(output: Path, epochs: int = 30, seed: int = 7, verbose: str | int = "auto") -> dict[str, Any]:
    """Train, evaluate, save, reload and draw.

    Args:
        output: folder for the weights and the pictures; made when it is not there.
        epochs: passes over the training data.
        seed: of the weights, the shuffling and the dropout.
        verbose: as in `Model.fit`.

    Returns:
        ``loss`` and ``accuracy`` on the held-out digits, ``history``, and ``files``, the paths written.
    """
    output.mkdir(parents=True, exist_ok=True)
    set_random_seed(seed)
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    scale = np.float32(max(x_train.max(), 1))
    x_train, x_test = x_train.astype("float32") / scale, x_test.astype("float32") / scale
    print(f"{len(x_train):,} digits to learn from, {len(x_test):,} held out\n")

    model = build_model()
    model.summary()
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    start = time.perf_counter()
    history = model.fit(x_train, y_train, batch_size=32, epochs=epochs, validation_split=0.1, verbose=verbose)
    seconds = time.perf_counter() - start

    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    weights = output / "digits.weights.h5"
    predictions = _reload(model, weights, x_test)
    print(f"\ntrained {epochs} epochs in {seconds:.2f} s")
    print(f"held-out digits: loss {loss:.4f}, accuracy {accuracy:.4f}")
    print(_most_confused(confusion_matrix(y_test, predictions)))
    files = [weights]
    if importlib.util.find_spec("matplotlib") is None:
        print("no pictures: matplotlib is not installed (pip install 'pykernels[viz]')")
    else:
        curves, matrix = output / "curves.png", output / "confusion_matrix.png"
        plot_history(history, title="Learning handwritten digits").savefig(curves)
        plot_confusion_matrix(y_test, predictions).savefig(matrix)
        files += [curves, matrix]
    print("the reloaded model predicts the same, bit by bit")
    for file in files:
        print(f"written: {file}")
    return {"loss": float(loss), "accuracy": float(accuracy), "history": history.history, "files": files}


def main(arguments: list[str]) -> int:
    """The command ``python -m pykernels demo``; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m pykernels demo", description="Train a small network on the bundled handwritten digits."
    )
    parser.add_argument("--output", type=Path, default=Path("pykernels-demo"), help="folder for weights and pictures")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args(arguments)
    if options.epochs < 1:
        parser.error(f"--epochs must be at least 1, got {options.epochs}")
    info = config_info.config()
    print(f"pykernels {info['version']}, {info['isa']}, {info['threads']} threads")
    run(options.output, options.epochs, options.seed)
    return 0
