"""Where datasets come from, beside arrays and generators: files, other datasets, and what `save` wrote."""

from __future__ import annotations

import glob
import itertools
import json
import os
from collections.abc import Callable

import numpy as np

from ..utils.atomic import atomic_write
from .elements import Count, TensorSpec, each, leaves, plain, stack, text_array

_ENDLESS, _UNKNOWN = -1, -2
_SPEC, _PART = "dataset.json", "part-{:05d}.npz"
_ROWS = 1024  # elements of a part, at most


class SourceMethods:
    """Constructors of a class whose own takes `start`, `count` and `spec`."""

    @classmethod
    def list_files(cls, file_pattern, shuffle=None, seed=None, name=None):
        """The names of files, as bytes.

        Args:
            file_pattern: str with `*`, `?` and `[...]`, or a list of them.
            shuffle: whether each pass has a new random order; else they are sorted. Default None: True.
            seed: of the order. Default None: drawn.
            name: accepted as in TensorFlow.

        Raises:
            ValueError: no file matches.
        """
        patterns = [file_pattern] if isinstance(file_pattern, (str, bytes, os.PathLike)) else list(file_pattern)
        names = sorted({found for pattern in patterns for found in glob.glob(os.fsdecode(pattern))})
        if not names:
            raise ValueError(f"No files matched pattern: {', '.join(os.fsdecode(pattern) for pattern in patterns)}")
        files = cls.from_tensor_slices(names)
        return files.shuffle(len(names), seed=seed) if shuffle is None or shuffle else files

    @classmethod
    def text_lines(cls, filenames, compression_type=None, buffer_size=None, num_parallel_reads=None, name=None):
        """The lines of text files, as bytes without their ends (`tf.data.TextLineDataset`).

        Args:
            filenames: path, or a list of them.
            compression_type: None, "" or "GZIP".
            buffer_size, num_parallel_reads, name: accepted as in TensorFlow, without effect.

        Raises:
            ValueError: another compression.
        """
        if compression_type not in (None, "", "GZIP"):
            raise ValueError(f"`compression_type` must be '' or 'GZIP'. Received: {compression_type!r}")
        given = np.asarray(filenames, object) if isinstance(filenames, (list, tuple)) else [filenames]
        paths = [path.item() if isinstance(path, np.ndarray) else path for path in given]

        def start():
            import gzip

            for path in paths:
                with gzip.open(path) if compression_type else open(path, "rb") as file:
                    for line in file:
                        yield text_array(line.removesuffix(b"\n").removesuffix(b"\r"))

        return cls(start, _UNKNOWN, lambda: TensorSpec((), "string"))

    @classmethod
    def counter(cls, start=0, step=1, dtype="int64", name=None):
        """The numbers `start`, `start + step` and so on, without end.

        Args:
            start, step: the first number, and from one to the next.
            dtype: of the numbers. Default "int64".
            name: accepted as in TensorFlow.
        """
        kind = np.dtype(dtype).type
        return cls(lambda: map(kind, itertools.count(start, step)), _ENDLESS, lambda: TensorSpec((), dtype))

    @classmethod
    def random(cls, seed=None, rerandomize_each_iteration=None, name=None):
        """Random numbers, int64 from 0 to 2**32 - 1, without end.

        Args:
            seed: int. Default None: drawn.
            rerandomize_each_iteration: whether each pass has other numbers. Default None: False.
            name: accepted as in TensorFlow.
        """
        seed = np.random.randint(2**31) if seed is None else seed
        shared = np.random.RandomState(seed)

        def start():
            rng = shared if rerandomize_each_iteration else np.random.RandomState(seed)
            return (np.int64(rng.randint(2**32, dtype="uint32")) for _ in itertools.count())

        return cls(start, _ENDLESS, lambda: TensorSpec((), "int64"))

    @classmethod
    def choose_from_datasets(cls, datasets, choice_dataset, stop_on_empty_dataset=True):
        """The next element of the dataset whose number `choice_dataset` gives.

        Args:
            datasets: list of datasets.
            choice_dataset: dataset of int64.
            stop_on_empty_dataset: whether it ends when a chosen dataset has ended; else such a choice is passed over.
                Default True.

        Raises:
            ValueError: no datasets. IndexError: while reading, a number that is none of them.
        """
        return cls._chosen(datasets, lambda: (int(number) for number in choice_dataset), stop_on_empty_dataset)

    @classmethod
    def sample_from_datasets(
        cls, datasets, weights=None, seed=None, stop_on_empty_dataset=False, rerandomize_each_iteration=None
    ):
        """The next element of a dataset that is drawn at random, until all have ended.

        Args:
            datasets: list of datasets.
            weights: how often each is drawn, in proportion. Default None: all equally.
            seed: int. Default None: drawn.
            stop_on_empty_dataset: whether it ends when a drawn dataset has ended. Default False.
            rerandomize_each_iteration: whether each pass draws anew. Default None: True.

        Raises:
            ValueError: no datasets, or another number of weights.
        """
        share = np.ones(len(datasets)) if weights is None else np.asarray(weights, "float64")
        if share.shape != (len(datasets),) or share.min(initial=0) < 0 or not share.sum():
            raise ValueError(
                f"`weights` must be {len(datasets)} numbers, one for each dataset, not all 0. Received: {weights}"
            )
        seed = np.random.randint(2**31) if seed is None else seed
        shared = np.random.RandomState(seed)

        def draw():
            anew = rerandomize_each_iteration is None or rerandomize_each_iteration
            rng = shared if anew else np.random.RandomState(seed)
            bounds = np.cumsum(share / share.sum())
            return (min(int(np.searchsorted(bounds, rng.rand(), "right")), len(bounds) - 1) for _ in itertools.count())

        return cls._chosen(datasets, draw, stop_on_empty_dataset, share)

    @classmethod
    def _chosen(cls, datasets, choices: Callable, stop: bool, share=None):
        datasets = list(datasets)
        if not datasets:
            raise ValueError("Invalid `datasets`. `datasets` should not be empty.")

        def start():
            sources = [iter(dataset) for dataset in datasets]
            left = {i for i in range(len(sources)) if share is None or share[i] > 0}
            for number in choices():
                if number not in left:
                    if not 0 <= number < len(sources):
                        raise IndexError(f"the choice {number} is none of {len(sources)} datasets")
                    continue
                item = next(sources[number], _END)
                if item is not _END:
                    yield item
                    continue
                left.discard(number)
                if stop or not left:
                    return

        return cls(start, _UNKNOWN, lambda: datasets[0].element_spec)

    def save(self, path, compression=None, shard_func=None, checkpoint_args=None):
        """Writes all elements into a folder, for `load`: `.npz` files of pykernels' own, not those of TensorFlow.

        Args:
            path: of the folder, which is made.
            compression: None, or "GZIP" to compress.
            shard_func, checkpoint_args: must be None.

        Raises:
            ValueError: another compression. NotImplementedError: the last two arguments.
        """
        if compression not in (None, "GZIP"):
            raise ValueError(f"`compression` must be None or 'GZIP'. Received: {compression!r}")
        for name, value in (("shard_func", shard_func), ("checkpoint_args", checkpoint_args)):
            if value is not None:
                raise NotImplementedError(f"save({name}=...) is not supported: leave it out")
        folder = os.fspath(path)
        os.makedirs(folder, exist_ok=True)
        parts, count, structure = 0, 0, None
        for items in _alike(plain(item) for item in self):
            structure, count = _marked(items[0]), count + len(items)
            arrays = dict(_stored(f"a{i}", column) for i, column in enumerate(leaves(stack(items))))
            with atomic_write(os.path.join(folder, _PART.format(parts))) as file:
                (np.savez_compressed if compression else np.savez)(file, **arrays)
            parts += 1
        with atomic_write(os.path.join(folder, _SPEC)) as file:
            file.write(json.dumps({"parts": parts, "count": count, "structure": structure}).encode())

    @classmethod
    def load(cls, path, element_spec=None, compression=None, reader_func=None):
        """The elements that `save` wrote.

        Args:
            path: of the folder.
            element_spec: `TensorSpec`s of an element. Default None: those of the first.
            compression: accepted; the files say it.
            reader_func: must be None.

        Raises:
            FileNotFoundError: nothing was saved there. ValueError: it is damaged. NotImplementedError: `reader_func`.
        """
        if reader_func is not None:
            raise NotImplementedError("load(reader_func=...) is not supported: leave it out")
        folder = os.fspath(path)
        try:
            with open(os.path.join(folder, _SPEC), "rb") as file:
                saved = json.load(file)
            parts, count, shape = int(saved["parts"]), int(saved["count"]), _unmarked(saved["structure"])
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"{folder} has no {_SPEC}: Dataset.save wrote nothing there. Folders of TensorFlow are not read."
            ) from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ValueError(f"{os.path.join(folder, _SPEC)} is damaged.") from error

        def start():
            for number in range(parts):
                columns = _read(os.path.join(folder, _PART.format(number)), len(leaves(shape)))
                for row in zip(*columns, strict=True):
                    values = iter(row)
                    yield each(lambda _, values=values: np.asarray(next(values)), shape)

        return cls(start, Count(count), None if element_spec is None else lambda: element_spec)


_END = object()


def _alike(items):
    """Lists of elements whose arrays have the same shapes."""
    waiting: list = []
    shapes = None
    for item in items:
        found = [leaf.shape for leaf in leaves(item)]
        if waiting and (found != shapes or len(waiting) == _ROWS):
            yield waiting
            waiting = []
        waiting.append(item)
        shapes = found
    if waiting:
        yield waiting


def _stored(name: str, column: np.ndarray) -> tuple[str, np.ndarray]:
    """An array for an `.npz` file: texts as one of bytes with a mark behind each, as NumPy would pickle objects."""
    if column.dtype != object:
        return name, column
    texts = [text if isinstance(text, bytes) else str(text).encode() for text in column.ravel()]
    longest = max(map(len, texts), default=0)
    table = np.zeros((len(texts), longest + 1), np.uint8)
    for row, text in zip(table, texts, strict=True):
        row[: len(text)] = np.frombuffer(text, np.uint8)
        row[len(text)] = 1
    return f"{name}_text", table.reshape(*column.shape, longest + 1)


def _read(path: str, number: int) -> list[np.ndarray]:
    columns = []
    try:
        with np.load(path, allow_pickle=False) as file:
            for i in range(number):
                if f"a{i}" in file:
                    columns.append(file[f"a{i}"])
                else:
                    columns.append(_texts(file[f"a{i}_text"]))
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise ValueError(f"{path} is damaged, or missing.") from error
    return columns


def _texts(table: np.ndarray) -> np.ndarray:
    texts = np.empty(table.shape[:-1], object)
    for place in np.ndindex(texts.shape):
        row = table[place]
        texts[place] = row[: np.flatnonzero(row)[-1]].tobytes()
    return texts


def _marked(item):
    """The structure of an element in JSON, which has no tuples."""
    if isinstance(item, tuple):
        return {"tuple": [_marked(part) for part in item]}
    if isinstance(item, dict):
        return {"dict": {key: _marked(part) for key, part in item.items()}}
    return "array"


def _unmarked(structure):
    if structure is None or structure == "array":
        return None
    if "tuple" in structure:
        return tuple(_unmarked(part) for part in structure["tuple"])
    return {key: _unmarked(part) for key, part in structure["dict"].items()}
