"""Prints which files of which writer open, and predict what the writer predicted, as the table of `docs/files.md`:

python tests/gallery/table.py [--details] [GALLERY ...]
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import warnings
from collections import defaultdict
from pathlib import Path

import reading

# Families of layers -> what they are called in the table.
ROWS = {
    "Dense, Dropout, Activation": r"dense.*|no_input_shape",
    "convolutions, pooling, padding": r"convnet.*|images_.*|windows|global_pooling|atrous",
    "depthwise and separable convolutions": r"depthwise|separable",
    "layers for sequences": r"sequences",
    "activation layers": r"activations",
    "BatchNormalization and other normalizations": r"normalization.*",
    "merge layers, several inputs": r"merges|merge_of_models",
    "shared layers": r"shared",
    "several outputs": r"multi_output.*|losses_by_output",
    "models within models, frozen layers": r"nested.*",
    "regularizers, constraints": r"regularizers|activity_regularizers",
    "initializers": r"initializers",
    "noise and dropout layers": r"noise",
    "augmentation, resizing": r"augmentation|preprocessing_sequential|resampling",
    "Lambda": r"functions",
    "operations on tensors, functions of TensorFlow": r"operators|tf_.*",
    "states of optimizers, schedules": r"optimizer_.*",
    "losses and metrics as objects": r"losses",
    "layers and models of the user's own": r"custom_layer|subclass",
}


def result(gallery, name: str) -> str:
    """ "equal", "equal; <warnings>", "differs: ..." or the error."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            opened = reading.Opened(gallery, name, folder)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        try:
            opened.check()
        except Exception as error:
            return f"differs: {[*opened.warnings]} {type(error).__name__}: {error}"
        return "; ".join(["equal", *opened.warnings])


def writer(gallery) -> str:
    """What the name of an archive says."""
    name = Path(gallery).name.removesuffix(".tar.xz").removeprefix("keras-")
    return name.replace("-theano", " Theano").replace("-tensorflow", " TF 1").replace("tf2", "2.")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("galleries", nargs="*")
    parser.add_argument("--details", action="store_true", help="each file that is not equal")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    galleries = options.galleries or sorted(reading.FOLDER.glob("*.tar.xz"), key=lambda path: writer(path).lower())
    cells: dict = defaultdict(list)
    for gallery in galleries:
        for name in reading.names(gallery):
            found = result(gallery, name)
            row = next(r for r, pattern in ROWS.items() if re.fullmatch(pattern, reading.split(name)[0]))
            cells[row, gallery].append(found)
            if options.details and found != "equal":
                print(
                    f"{writer(gallery)} {name}: {re.sub('/tmp/[^/ ]*/', '', ' '.join(found.split()))[:600]}",
                    file=sys.stderr,
                )
    print("| | " + " | ".join(writer(g) for g in galleries) + " |")
    print("|---|" + "---|" * len(galleries))
    for row in ROWS:
        print(f"| {row} | " + " | ".join(_cell(cells[row, g]) for g in galleries) + " |")
    total = [[r for row in ROWS for r in cells[row, g]] for g in galleries]
    print("| files equal, of all | " + " | ".join(f"{sum(map(_is_equal, t))} of {len(t)}" for t in total) + " |")


def _is_equal(found: str) -> bool:
    return found.startswith("equal")


def _cell(found: list[str]) -> str:
    if not found:
        return ""
    equal = sum(map(_is_equal, found))
    return "=" if equal == len(found) else f"{equal} of {len(found)}"


if __name__ == "__main__":
    main()
