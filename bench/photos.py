"""Training on a folder of photographs: how long it waits for them, and whether memory stays flat.

    python bench/photos.py FOLDER [--size 32] [--epochs 20]

FOLDER has one subfolder of photographs per class. A convnet (3x3: 32, 32, pool, 64, 64, global mean, classes) is
trained on `flow_from_directory` with batches of 64: the first epoch decodes, later ones read the cache of decoded
images. Then the same net is trained on the same images as one array of floats in memory, which is what an epoch costs
when nothing is waited for. Printed are the seconds of each epoch and the resident memory after it. Both trainings have
to lower the loss.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
import psutil

import pykernels as keras
from pykernels import layers
from pykernels.preprocessing.image import ImageDataGenerator

BATCH = 64


class Epochs(keras.callbacks.Callback):
    """Seconds of each epoch and MB after it."""

    def __init__(self):
        super().__init__()
        self.seconds: list[float] = []
        self.megabytes: list[float] = []

    def on_epoch_begin(self, epoch, logs=None):
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self._began)
        self.megabytes.append(psutil.Process().memory_info().rss / 1e6)


def convnet(size: int, classes: int) -> keras.Sequential:
    keras.utils.set_random_seed(1)
    stack = [layers.Input((size, size, 3))]
    for filters in (32, 64):
        stack += [layers.Conv2D(filters, 3, padding="same", activation="relu") for _ in range(2)]
        stack += [layers.MaxPooling2D() if filters == 32 else layers.GlobalAveragePooling2D()]
    model = keras.Sequential([*stack, layers.Dense(classes, activation="softmax")])
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


def check(what: str, history) -> None:
    losses = history.history["loss"]
    if not losses[-1] < losses[0]:
        raise ArithmeticError(f"trained {what}, the loss went from {losses[0]} to {losses[-1]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    flow = ImageDataGenerator(rescale=1 / 255).flow_from_directory(
        options.folder, target_size=(options.size, options.size), batch_size=BATCH, seed=1
    )
    model = convnet(options.size, flow.num_classes)
    watch = Epochs()
    history = model.fit(flow, epochs=options.epochs, verbose=0, callbacks=[watch], workers=options.workers)
    check("from the folder", history)
    for i, (seconds, megabytes) in enumerate(zip(watch.seconds, watch.megabytes, strict=True)):
        print(f"epoch {i + 1:>3}: {seconds:7.2f} s  {megabytes:8.1f} MB")
    x = np.empty((flow.samples, options.size, options.size, 3), np.float32)
    y = np.empty((flow.samples, flow.num_classes), np.float32)
    at = 0
    for i in range(len(flow)):
        images, labels = flow[i]
        x[at : at + len(images)], y[at : at + len(images)] = images, labels
        at += len(images)
    assert at == flow.samples, f"an epoch has {at} images, the folder {flow.samples}"
    again = Epochs()
    history = convnet(options.size, flow.num_classes).fit(
        x, y, batch_size=BATCH, epochs=4, verbose=0, callbacks=[again]
    )
    check("from arrays", history)
    cached, arrays = statistics.median(watch.seconds[1:]), statistics.median(again.seconds[1:])
    print(f"from the cache: {cached:.3f} s an epoch; from arrays: {arrays:.3f} s; waiting: {1 - arrays / cached:.1%}")
    print(f"memory, epoch 2 to {options.epochs}: {watch.megabytes[-1] - watch.megabytes[1]:+.1f} MB")


if __name__ == "__main__":
    main()
