"""`text_dataset_from_directory` and `audio_dataset_from_directory`: folders of files as datasets."""

from __future__ import annotations

import os
import wave
from collections.abc import Callable

import numpy as np

from ..utils.regular_files import open_regular, read_regular
from .elements import TensorSpec, text_array
from .labelled_files import check_labels, check_split, find, parts
from .streams import Stream

_TEXTS, _SOUNDS = (".txt",), (".wav",)
_BUFFER, _BATCHES = 1024, 8  # of the shuffling: single files, and batches
_PCM = {1: ("u1", 128.0, 128.0), 2: ("<i2", 0.0, 32768.0), 4: ("<i4", 0.0, 2147483648.0)}  # by bytes of a sample


def text_dataset_from_directory(
    directory,
    labels="inferred",
    label_mode="int",
    class_names=None,
    batch_size=32,
    max_length=None,
    shuffle=True,
    seed=None,
    validation_split=None,
    subset=None,
    follow_links=False,
    format="tf",  # noqa: A002 - Keras's name
    verbose=True,
):
    """A dataset of `(texts, labels)` batches from a folder with a subfolder of `.txt` files per class.

    Args:
        directory: path of the folder.
        labels: "inferred" (default: from the subfolders), a list of class numbers in the order of the sorted files, or
            None.
        label_mode: "int" (default: int32, (N,)), "categorical" (one-hot float32, (N, classes)), "binary" (float32, (N,
            1)), or None.
        class_names: list of the subfolders in the order of the class numbers. Default None: sorted.
        batch_size: int, or None for single texts. Default 32.
        max_length: what is behind so many bytes (characters with "grain") is cut off. Default None.
        shuffle: whether each pass has a new random order. Default True.
        seed: int, for the order. It is required for a split of shuffled files. Default None.
        validation_split: float, the fraction of the files for validation. Default None.
        subset: "training", "validation", or "both" for a list of two datasets. Default None.
        follow_links: whether links to folders are followed. Default False.
        format: "tf" (default), whose texts are bytes, or "grain", whose texts are str, read as UTF-8.
        verbose: whether the numbers of files and classes are printed. Default True.

    Returns:
        A dataset with the methods of `tf.data.Dataset`, with `class_names` and `file_paths`; texts are arrays of
        objects.

    Raises:
        ValueError: an option that cannot be, or no texts. FileNotFoundError, NotADirectoryError: no such folder.
    """
    if format not in ("tf", "grain"):
        raise ValueError(f'`format` should be either "tf" or "grain". Received: format={format}')

    def read(path):
        text = read_regular(path)
        return (text if format == "tf" else text.decode("utf-8"))[:max_length]

    given = (directory, labels, label_mode, class_names, shuffle, seed, validation_split, subset, follow_links, verbose)
    made = _datasets(given, _TEXTS, "text files", "Allowed format: .txt", batch_size, read, TensorSpec((), "string"))
    return made if subset == "both" else made[0]


def audio_dataset_from_directory(
    directory,
    labels="inferred",
    label_mode="int",
    class_names=None,
    batch_size=32,
    sampling_rate=None,
    output_sequence_length=None,
    ragged=False,
    shuffle=True,
    seed=None,
    validation_split=None,
    subset=None,
    follow_links=False,
    verbose=True,
):
    """A dataset of `(sounds, labels)` batches from a folder with a subfolder of `.wav` files per class.

    Sounds are float32, of shape (N, samples, channels), from -1 to 1; the files have integers of 8, 16, 24 or 32 bits.

    Args:
        directory: path of the folder.
        labels: "inferred" (default: from the subfolders), a list of class numbers in the order of the sorted files, or
            None.
        label_mode: "int" (default: int32, (N,)), "categorical" (one-hot float32, (N, classes)), "binary" (float32, (N,
            1)), or None.
        class_names: list of the subfolders in the order of the class numbers. Default None: sorted.
        batch_size: int, or None for single sounds. Default 32.
        sampling_rate: int, the rate that all files must have, as sounds are not converted. Default None: any.
        output_sequence_length: samples of each sound, which is cut or filled up with zeros. Default None: the longest
            of the batch.
        ragged: True is not supported.
        shuffle: whether each pass has a new random order. Default True.
        seed: int, for the order. It is required for a split of shuffled files. Default None.
        validation_split: float, the fraction of the files for validation. Default None.
        subset: "training", "validation", or "both" for a tuple of two datasets. Default None.
        follow_links: whether links to folders are followed. Default False.
        verbose: whether the numbers of files and classes are printed. Default True.

    Returns:
        A dataset with the methods of `tf.data.Dataset`, with `class_names` and `file_paths`.

    Raises:
        ValueError: an option that cannot be, or no sounds; while reading, a damaged file, or one of another rate.
        NotImplementedError: `ragged=True`. FileNotFoundError, NotADirectoryError: no such folder.
    """
    if ragged and output_sequence_length is not None:
        raise ValueError("Cannot set both `ragged` and `output_sequence_length`")
    if ragged:
        raise NotImplementedError(
            "audio_dataset_from_directory(ragged=True) makes TensorFlow's ragged tensors, which pykernels does not "
            "have. Leave it out: short sounds are filled up with zeros; or set `output_sequence_length`."
        )
    if sampling_rate is not None:
        if not isinstance(sampling_rate, int):
            raise ValueError(f"`sampling_rate` should have an integer value. Received: sampling_rate={sampling_rate}")
        if sampling_rate <= 0:
            raise ValueError(f"`sampling_rate` should be higher than 0. Received: sampling_rate={sampling_rate}")

    def read(path):
        return _sound(path, sampling_rate, output_sequence_length)

    given = (directory, labels, label_mode, class_names, shuffle, seed, validation_split, subset, follow_links, verbose)
    spec = TensorSpec((output_sequence_length, None))
    made = _datasets(given, _SOUNDS, "audio files", f"Allowed format(s): {_SOUNDS}", batch_size, read, spec)
    return tuple(made) if subset == "both" else made[0]


def _sound(path, rate, length) -> np.ndarray:
    """The samples of a WAV file, float32 of shape (samples, channels)."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        try:
            with wave.open(file) as sound:
                channels, width = sound.getnchannels(), sound.getsampwidth()
                frames = min(sound.getnframes(), size // (channels * width))
                found = sound.getframerate()
                data = sound.readframes(frames if length is None else min(frames, length))
        except (wave.Error, EOFError, ZeroDivisionError) as error:
            raise ValueError(f"{path} is not a WAV file of integers, or is damaged ({error}).") from error
    if rate is not None and found != rate:
        raise ValueError(
            f"{path} has {found} samples per second, not sampling_rate={rate}: sounds are not converted. Convert the "
            "files, or leave `sampling_rate` out."
        )
    data = data[: len(data) // (channels * width) * channels * width]
    if width == 3:  # as 32 bits, the lowest 8 of which are 0
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        data, width = wide.tobytes(), 4
    if width not in _PCM:
        raise ValueError(f"{path} has samples of {width} bytes; those of 1 to 4 are read.")
    dtype, zero, scale = _PCM[width]
    samples = ((np.frombuffer(data, dtype) - zero) / scale).astype("float32").reshape(-1, channels)
    if length is not None and len(samples) < length:
        samples = np.concatenate([samples, np.zeros((length - len(samples), channels), "float32")])
    return samples


def _datasets(given: tuple, formats, kind: str, allowed: str, batch_size, read: Callable, spec: TensorSpec) -> list:
    directory, labels, label_mode, class_names, shuffle, seed, validation_split, subset, follow_links, verbose = given
    check_labels(labels, label_mode, class_names)
    check_split(validation_split, subset, shuffle, seed)
    if labels is None or label_mode is None:
        labels = label_mode = None
    seed = int(np.random.randint(10**6)) if seed is None else seed
    paths, numbers, class_names = find(
        directory, labels, label_mode, class_names, formats, follow_links, shuffle, seed, verbose
    )
    made = []
    for name, *part in parts(paths, numbers, validation_split, subset, kind, directory, allowed):
        in_order = not shuffle or (name == "validation" and subset == "both")
        order = None if in_order else seed
        made.append(_dataset(*part, class_names, label_mode, batch_size, order, read, spec))
    return made


def _dataset(paths, numbers, class_names, label_mode, batch_size, seed, read: Callable, spec: TensorSpec) -> Stream:
    labels = None if label_mode is None else _labels(numbers, label_mode, len(class_names))
    order = Stream.range(len(paths))
    if seed is not None:
        order = order.shuffle(_BUFFER if batch_size is None else _BATCHES * batch_size, seed=seed)

    def start():
        for i in order:
            content = read(paths[int(i)])
            content = text_array(content) if isinstance(content, (bytes, str)) else content
            yield content if labels is None else (content, labels[int(i)])

    specs = spec if labels is None else (spec, TensorSpec(labels.shape[1:], labels.dtype))
    dataset = Stream(start, len(paths), lambda: specs)
    dataset = dataset if batch_size is None else dataset.padded_batch(batch_size)
    dataset.class_names, dataset.file_paths = class_names, paths
    return dataset


def _labels(numbers: np.ndarray, label_mode: str, classes: int) -> np.ndarray:
    if label_mode == "categorical":
        return np.eye(classes, dtype="float32")[numbers]
    return numbers.astype("float32")[:, None] if label_mode == "binary" else numbers
