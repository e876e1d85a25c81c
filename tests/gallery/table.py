"""Prints which files of which writer open, and predict what the writer predicted: `python tests/gallery/table.py`."""

from __future__ import annotations

import collections
import os
import re
import sys
import tempfile
import warnings

import reading

WIDTH = int(os.environ.get("WIDTH", 600))


def result(gallery, name: str) -> str:
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


def main(galleries) -> None:
    warnings.simplefilter("ignore")
    for gallery in galleries:
        found = {name: result(gallery, name) for name in reading.names(gallery)}
        print(f"{gallery}: {dict(collections.Counter(r.split(':')[0].split(';')[0] for r in found.values()))}")
        for name, text in found.items():
            if text != "equal":
                print(f"    {name}: {re.sub('/tmp/[^/ ]*/', '', ' '.join(text.split()))[:WIDTH]}")


if __name__ == "__main__":
    main(sys.argv[1:] or sorted(reading.FOLDER.glob("*.tar.xz")))
