"""Photo folders: images per second from files to float32 batches, in pykernels, Keras and a torch DataLoader.

    python bench/compare/images.py FOLDER --python pykernels=PYTHON --python keras=PYTHON --python torch=PYTHON

FOLDER has one subfolder of photographs per class. All read the same files with Pillow, resize them to the nearest
pixels, multiply by 1/255 and give shuffled batches of 64 with labels; nothing is trained. Each contender runs in a
process of its own with the interpreter given for it (this one by default), one after the other, there and back (A B C,
C B A), so that a change of the machine's mood meets all alike; the files are in the page cache. The first epoch
decodes everything; pykernels' later ones take the decoded images from its cache (`cache=False` switches that off).
A last epoch, which is not measured, is summed up: all have to give the same images to each class. The exit code is 1
when they do not, or when a contender fails; contenders that are not installed are reported as missing.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

BATCH = 64
FORMATS = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".tif", ".tiff")


def pykernels_epochs(folder: str, size: int, workers: int) -> Callable[[], Iterable]:
    """Batches as `fit` takes them."""
    from pykernels.data_adapters.prefetch import PrefetchOptions, batches_of
    from pykernels.preprocessing.image import ImageDataGenerator

    flow = ImageDataGenerator(rescale=1 / 255).flow_from_directory(folder, target_size=(size, size), batch_size=BATCH)

    def epoch():
        yield from batches_of(flow, range(len(flow)), PrefetchOptions(workers))
        flow.on_epoch_end()

    return epoch


def keras_epochs(folder: str, size: int, workers: int) -> Callable[[], Iterable]:
    """Batches as `fit` takes them: one by one for one worker, through Keras's queue for more."""
    from keras.src.legacy.preprocessing.image import ImageDataGenerator
    from keras.src.trainers.data_adapters.py_dataset_adapter import PyDatasetAdapter

    flow = ImageDataGenerator(rescale=1 / 255).flow_from_directory(folder, target_size=(size, size), batch_size=BATCH)
    flow.workers = workers
    adapter = PyDatasetAdapter(flow)

    def epoch():
        adapter.on_epoch_begin()
        yield from adapter._get_iterator()
        adapter.on_epoch_end()

    return epoch


class Photos:
    """A torch data set of the files, at module level so that worker processes can have it."""

    def __init__(self, folder: str, size: int):
        classes = sorted(path.name for path in Path(folder).iterdir() if path.is_dir())
        self.size = (size, size)
        self.files = [
            (str(path), label)
            for label, name in enumerate(classes)
            for path in sorted(Path(folder, name).rglob("*"))
            if path.suffix.lower() in FORMATS
        ]

    def __len__(self):
        return len(self.files)

    def __getitem__(self, i):
        import numpy as np
        import torch
        from PIL import Image

        path, label = self.files[i]
        with Image.open(path) as image:
            pixels = np.array(image.convert("RGB").resize(self.size, Image.Resampling.NEAREST))
        return torch.from_numpy(pixels).float().mul_(1 / 255), label


def torch_epochs(folder: str, size: int, workers: int) -> Callable[[], Iterable]:
    import PIL  # noqa: F401 - a missing package is to be reported here
    from torch.utils.data import DataLoader

    photos = Photos(folder, size)
    loader = DataLoader(photos, batch_size=BATCH, shuffle=True, num_workers=workers, persistent_workers=workers > 0)
    return lambda: iter(loader)


#: contender -> (what makes its epochs, its workers)
CONTENDERS: dict[str, tuple[Callable, int]] = {
    "pykernels": (pykernels_epochs, 2),
    "keras": (keras_epochs, 1),
    "keras-2-workers": (keras_epochs, 2),
    "torch": (torch_epochs, 0),
    "torch-2-workers": (torch_epochs, 2),
}


def measure(name: str, folder: str, size: int, epochs: int) -> dict:
    """Seconds of each epoch of one contender, in this process."""
    make, workers = CONTENDERS[name]
    try:
        epoch = make(folder, size, workers)
    except ImportError as error:
        return {"missing": str(error)}
    seconds, images = [], 0
    for _ in range(epochs):
        start, images, total = time.perf_counter(), 0, 0.0
        for x, y in epoch():
            assert tuple(x.shape[1:]) == (size, size, 3) and str(x.dtype).endswith("float32") and len(x) == len(y)
            images += len(x)
            total += float(x[0, 0, 0, 0])
        seconds.append(time.perf_counter() - start)
    return {"images": images, "seconds": seconds, "sums": _sums(epoch())}


def _sums(batches: Iterable) -> list[float]:
    """The sum of all pixels of each class; labels are numbers or one-hot."""
    import numpy as np

    sums: dict[int, float] = {}
    for x, y in batches:
        labels = np.asarray(y)
        labels = labels.argmax(axis=1) if labels.ndim == 2 else labels
        for label, total in zip(labels.tolist(), np.asarray(x).sum(axis=(1, 2, 3), dtype="float64"), strict=True):
            sums[label] = sums.get(label, 0.0) + float(total)
    return [sums[label] for label in sorted(sums)]


def disagreements(found: dict[str, list]) -> list[str]:
    """Contenders whose sums differ from the first one's by more than float32 rounds."""
    sums = {name: result["sums"] for name, results in found.items() for result in results if "sums" in result}
    first = next(iter(sums.values()), [])
    wrong = []
    for name, have in sums.items():
        if len(have) != len(first) or any(abs(a - b) > 1e-6 * abs(b) for a, b in zip(have, first, strict=True)):
            wrong.append(f"{name}: the pixels of the classes sum up to {have}, expected {first}")
    return wrong


def ask(name: str, python: str, folder: str, size: int, epochs: int) -> dict:
    command = [python, __file__, folder, "--worker", name, "--sizes", str(size), "--epochs", str(epochs)]
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or ["no output"])[-1]}
    return json.loads(done.stdout.splitlines()[-1])


def interpreter(name: str, given: dict[str, str]) -> str:
    return next((python for start, python in given.items() if name.startswith(start)), sys.executable)


def compare(folder: str, size: int, rounds: int, epochs: int, given: dict[str, str]) -> dict:
    found: dict[str, list] = {name: [] for name in CONTENDERS}
    for k in range(rounds):
        for name in list(found)[:: -1 if k % 2 else 1]:
            if not (found[name] and "seconds" not in found[name][-1]):
                found[name].append(ask(name, interpreter(name, given), folder, size, epochs))
    return found


def report(size: int, found: dict) -> dict:
    """Prints a table; returns images per second of each contender: first epoch, later epochs (medians of rounds)."""
    print(f"\n{size} x {size}: images per second, medians; in brackets the least and the most")
    rates = {}
    for name, results in found.items():
        problem = next((r for r in results if "seconds" not in r), None)
        if problem:
            print(f"  {name:18} {': '.join(*problem.items())}")
            continue
        first = [r["images"] / r["seconds"][0] for r in results]
        later = [r["images"] / s for r in results for s in r["seconds"][1:]]
        rates[name] = {"first": statistics.median(first), "later": statistics.median(later)}
        spans = [f"{statistics.median(v):9,.0f} [{min(v):,.0f} {max(v):,.0f}]" for v in (first, later)]
        print(f"  {name:18} first epoch {spans[0]:34} later epochs {spans[1]}")
    ours = rates.get("pykernels")
    for name, theirs in rates.items() if ours else ():
        if name != "pykernels":
            first, later = (ours[k] / theirs[k] for k in ("first", "later"))
            print(f"  pykernels / {name:18} first {first:6.2f}   later {later:6.2f}")
    if ours:
        print(f"  pykernels: a cached epoch is {ours['later'] / ours['first']:.1f} times as fast as the first")
    return rates


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--python", action="append", default=[], metavar="NAME=PYTHON")
    parser.add_argument("--sizes", type=int, nargs="+", default=[224, 32])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3, help="epochs of each run, 2 or more")
    parser.add_argument("--json", help="file for the figures")
    parser.add_argument("--worker", choices=CONTENDERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(measure(options.worker, options.folder, options.sizes[0], options.epochs)))
        return 0
    given = dict(pair.split("=", 1) for pair in options.python)
    for path in Path(options.folder).rglob("*"):
        if path.is_file():
            path.read_bytes()  # into the page cache
    found = {size: compare(options.folder, size, options.rounds, options.epochs, given) for size in options.sizes}
    for size in options.sizes:
        report(size, found[size])
    if options.json:
        Path(options.json).write_text(json.dumps(found, indent=1))
    wrong = [line for size in options.sizes for line in disagreements(found[size])]
    print(*(f"DISAGREES: {line}" for line in wrong), sep="\n")
    everything = [result for size in options.sizes for results in found[size].values() for result in results]
    lacking = any("seconds" not in result for size in options.sizes for result in found[size]["pykernels"])
    return 1 if wrong or lacking or any("failed" in result for result in everything) else 0


if __name__ == "__main__":
    sys.exit(main())
