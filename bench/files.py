"""Saving and loading VGG16's weights (138 million, 553 MB) beside plain copies of the file: `python bench/files.py`.

The floor of saving is `copy to the disk`: the bytes of a file in the page cache written to a new file, fsync included,
as saving does it. The floor of loading is `copy`: the same without fsync, from page cache to page cache. "memory" is
how far the process grew meanwhile (high-water mark of its resident set), in units of the file; `load_model` makes a
model. What was loaded has to be what was saved, bit for bit. `--tiny` takes few units of the same layers.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import shutil
import sys
import tempfile
import time
import zlib

import numpy as np

import pykernels as pk
from pykernels import layers

BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
FORMS = ("weights.h5", "keras", "h5")


def vgg16(narrower: int = 1):
    """VGG16, or one with that fraction of its filters and units."""
    model = pk.Sequential([pk.Input((224, 224, 3))])
    for filters, count in BLOCKS:
        for _ in range(count):
            model.add(
                layers.Conv2D(filters // narrower, 3, padding="same", activation="relu", kernel_initializer="zeros")
            )
        model.add(layers.MaxPooling2D(2))
    model.add(layers.Flatten())
    for units in (4096, 4096, 1000):
        model.add(layers.Dense(units // narrower, activation="relu", kernel_initializer="zeros"))
    return model


def fill(model) -> None:
    """Random bits that are ordinary floats, so that nothing can be compressed or left out."""
    rng = np.random.default_rng(0)
    for variable in model.weights:
        variable.assign(rng.integers(0x3C000000, 0x3F000000, variable.shape, np.uint32).view(np.float32))


def checksums(model) -> list[int]:
    return [zlib.crc32(np.ascontiguousarray(variable.numpy())) for variable in model.weights]


def check(name: str, model, expected: list[int]) -> None:
    if checksums(model) != expected:
        raise ArithmeticError(f"{name}: the weights that were loaded are not those that were saved")


def copy(source: str, durable: bool) -> None:
    with open(source, "rb") as a, open(source + ".copy", "wb") as b:
        shutil.copyfileobj(a, b, 1 << 22)
        b.flush()
        if durable:
            os.fsync(b.fileno())
    os.unlink(source + ".copy")


class Peak:
    """How far the resident set grew within the block, in bytes."""

    def __enter__(self):
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
        self._before = self._status("VmRSS")
        return self

    def __exit__(self, *exc):
        self.grown = self._status("VmHWM") - self._before

    @staticmethod
    def _status(key: str) -> int:
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) << 10 for line in file if line.startswith(key))


def timed(function, repeats: int) -> tuple[float, float, int]:
    """(best seconds, best seconds of processor time, growth of the first run)"""
    times, processor, grown = [], [], None
    for _ in range(repeats):
        with Peak() as peak:
            began, used = time.perf_counter(), time.process_time()
            function()
            times.append(time.perf_counter() - began)
            processor.append(time.process_time() - used)
        grown = peak.grown if grown is None else grown
    return min(times), min(processor), grown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", help="where to write; the system's temporary folder by default")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--tiny", action="store_true", help="few units, once: does everything work?")
    options = parser.parse_args()
    model = vgg16(64 if options.tiny else 1)
    repeats = 1 if options.tiny else options.repeats
    fill(model)
    saved = checksums(model)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path = {form: str(pathlib.Path(folder, f"vgg16.{form}")) for form in FORMS}
        print(f"{'':<24}{'seconds':>9}{'GB/s':>7}{'of floor':>10}{'CPU':>8}{'of floor':>10}{'memory':>8}")
        model.save_weights(path["weights.h5"])
        source, size = path["weights.h5"], os.path.getsize(path["weights.h5"])

        def row(name, function, floor=None):
            seconds, processor, grown = timed(function, repeats)
            parts = zip(floor, (seconds, processor), strict=True) if floor else ()
            shares = [f"{f / s:10.2f}" for f, s in parts] or [" " * 10] * 2
            left = f"{name:<24}{seconds:>9.3f}{size / seconds / 1e9:>7.2f}{shares[0]}"
            print(f"{left}{processor:>8.3f}{shares[1]}{grown / size:>8.2f}", flush=True)
            return seconds, processor

        floor = row("copy to the disk", lambda: copy(source, True))
        row("save_weights .weights.h5", lambda: model.save_weights(source), floor)
        row("save .keras", lambda: model.save(path["keras"]), floor)
        row("save .h5", lambda: model.save(path["h5"]), floor)
        floor = row("copy", lambda: copy(source, False))
        for form in FORMS:
            for variable in model.weights:
                variable.assign(np.zeros(variable.shape, np.float32))
            row(f"load_weights .{form}", lambda form=form: model.load_weights(path[form]), floor)
            check(f"load_weights .{form}", model, saved)
        for form in FORMS[1:]:
            row(f"load_model .{form}", lambda form=form: pk.models.load_model(path[form], compile=False), floor)
            check(f"load_model .{form}", pk.models.load_model(path[form], compile=False), saved)


if __name__ == "__main__":
    sys.exit(main())
