"""Datasets of series, of texts and of sounds, and their halves. What is expected is what TensorFlow 2.21 gives."""

import random
import struct
import wave

import numpy as np
import pytest

import pykernels as pk
from pykernels.preprocessing.elements import TensorSpec
from pykernels.preprocessing.streams import Stream
from pykernels.utils import (
    audio_dataset_from_directory,
    split_dataset,
    text_dataset_from_directory,
    timeseries_dataset_from_array,
)

DATA = np.arange(40.0).reshape(20, 2)


def windows(sequence_length, stride=1, rate=1, first=0, end=20, limit=None):
    count = end - first - (sequence_length - 1) * rate
    starts = range(0, count if limit is None else min(count, limit), stride)
    return [DATA[first + s : first + s + sequence_length * rate : rate] for s in starts]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, windows(3)),
        ({"sequence_stride": 2, "sampling_rate": 3}, windows(3, 2, 3)),
        ({"start_index": 4, "end_index": 15}, windows(3, first=4, end=15)),
    ],
    ids=str,
)
def test_timeseries(given, expected):
    targets = np.arange(20)
    dataset = timeseries_dataset_from_array(DATA, targets, 3, batch_size=4, **given)
    assert len(dataset) == -(-len(expected) // 4)
    batches = list(dataset)
    assert all(len(x) <= 4 for x, _ in batches)
    np.testing.assert_array_equal(np.concatenate([x for x, _ in batches]), expected)
    stride, first = given.get("sequence_stride", 1), given.get("start_index", 0)
    np.testing.assert_array_equal(np.concatenate([y for _, y in batches]), first + stride * np.arange(len(expected)))
    assert dataset.element_spec == (TensorSpec((None, 3, 2), "float64"), TensorSpec((None,), "int64"))
    single = list(timeseries_dataset_from_array(DATA, None, 3, batch_size=None, **given))
    np.testing.assert_array_equal(single, expected)


def test_timeseries_with_few_targets():
    assert sum(len(y) for _, y in timeseries_dataset_from_array(DATA, np.arange(5), 3)) == 5


def test_timeseries_shuffled():
    dataset = timeseries_dataset_from_array(DATA, np.arange(20), 2, batch_size=4, shuffle=True, seed=3)
    one, two = (np.concatenate([y for _, y in dataset]).tolist() for _ in range(2))
    assert one != two and sorted(one) == sorted(two) == list(range(19))  # another order in each pass
    for x, y in dataset:
        np.testing.assert_array_equal(x[:, 0], DATA[y])
    again = timeseries_dataset_from_array(DATA, np.arange(20), 2, batch_size=4, shuffle=True, seed=3)
    assert np.concatenate([y for _, y in again]).tolist() == one


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"start_index": -1}, "`start_index` must be 0 or greater"),
        ({"start_index": 20}, "`start_index` must be lower than the length"),
        ({"end_index": 20}, "`end_index` must be lower"),
        ({"end_index": -2}, "`end_index` must be higher than 0"),
        ({"start_index": 5, "end_index": 5}, "`end_index` must be higher than `start_index`"),
        ({"sampling_rate": 0}, "`sampling_rate` must be higher than 0"),
        ({"sequence_stride": 20}, "`sequence_stride` must be lower"),
        ({"format": "torch"}, '`format` should be either "tf" or "grain"'),
    ],
    ids=str,
)
def test_timeseries_errors(given, message):
    with pytest.raises(ValueError, match=message):
        timeseries_dataset_from_array(DATA, None, 3, **given)


# --- texts -----------------------------------------------------------------------------------------------------------
@pytest.fixture
def texts(tmp_path):
    for name in ("bad", "good"):
        (tmp_path / name).mkdir()
        for i in range(5):
            (tmp_path / name / f"{i}.txt").write_text(f"{name} {i} é", encoding="utf-8")
    (tmp_path / "good" / "notes.md").write_text("no text file")
    return tmp_path


def test_texts(texts, capsys):
    dataset = text_dataset_from_directory(texts, batch_size=4, shuffle=False)
    assert "Found 10 files belonging to 2 classes." in capsys.readouterr().out
    assert dataset.class_names == ["bad", "good"] and len(dataset) == 3 and len(dataset.file_paths) == 10
    assert dataset.element_spec == (TensorSpec((None,), "string"), TensorSpec((None,), "int32"))
    first, labels = next(iter(dataset))
    assert first.numpy().tolist() == [f"bad {i} é".encode() for i in range(4)] and labels.tolist() == [0] * 4
    assert sum(len(x) for x, _ in dataset) == 10
    one, label = next(iter(text_dataset_from_directory(texts, batch_size=None, label_mode="binary", max_length=5)))
    assert one.numpy() in (b"bad 0"[:5], b"good ", *(f"bad {i}".encode() for i in range(5))) and label.shape == (1,)
    words = next(iter(text_dataset_from_directory(texts, shuffle=False, format="grain", label_mode=None)))
    assert words[0] == "bad 0 é"
    onehot = text_dataset_from_directory(texts, label_mode="categorical", class_names=["good", "bad"], shuffle=False)
    np.testing.assert_array_equal(next(iter(onehot))[1], [[1, 0]] * 5 + [[0, 1]] * 5)


def test_texts_shuffled_and_split(texts):
    given = {"validation_split": 0.3, "seed": 1, "batch_size": None}
    train, validation = text_dataset_from_directory(texts, subset="both", **given)
    assert (len(train), len(validation)) == (7, 3)
    read = [{x.numpy() for x, _ in part} for part in (train, validation)]
    assert not read[0] & read[1] and len(read[0] | read[1]) == 10
    alone = text_dataset_from_directory(texts, subset="validation", **given)
    assert {x.numpy() for x, _ in alone} == read[1]
    for x, y in train:
        assert x.numpy().startswith(b"good" if y else b"bad")
    passes = [[x.numpy() for x, _ in train] for _ in range(2)]
    assert passes[0] != passes[1]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"labels": 3}, "`labels` must be a list"),
        ({"label_mode": "float"}, "`label_mode` argument must be one of"),
        ({"format": "torch"}, "`format` should be"),
        ({"subset": "training"}, "If `subset` is set"),
        ({"label_mode": "binary", "class_names": ["bad"]}, "exactly 2 class_names"),
        ({"labels": [1, 2]}, "Expected the lengths of `labels`"),
        ({"validation_split": 0.01, "subset": "validation", "seed": 1}, "No validation text files found"),
    ],
    ids=str,
)
def test_text_errors(texts, given, message):
    with pytest.raises(ValueError, match=message):
        text_dataset_from_directory(texts, **given)


# --- sounds ----------------------------------------------------------------------------------------------------------
def write_wav(path, samples, width=2, rate=8000):
    samples = np.asarray(samples)
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(samples.shape[1])
        sound.setsampwidth(width)
        sound.setframerate(rate)
        little = samples.astype("<i4")
        bytes_of = (little + 128).astype("u1").tobytes() if width == 1 else little.view("u1").reshape(-1, 4)[:, :width]
        sound.writeframes(bytes_of if isinstance(bytes_of, bytes) else bytes_of.tobytes())


@pytest.fixture
def sounds(tmp_path):
    for name, value in (("high", 100), ("low", -50)):
        (tmp_path / name).mkdir()
        for i in range(3):
            write_wav(tmp_path / name / f"{i}.wav", np.full((4 + i, 1), value))
    return tmp_path


def test_sounds(sounds):
    dataset = audio_dataset_from_directory(sounds, batch_size=4, shuffle=False)
    x, y = next(iter(dataset))
    assert x.shape == (4, 6, 1) and x.dtype == "float32" and y.tolist() == [0, 0, 0, 1]
    np.testing.assert_array_equal(x[0, :, 0], np.float32([100, 100, 100, 100, 0, 0]) / 32768)
    assert dataset.element_spec[0] == TensorSpec((None, None, None)) and dataset.class_names == ["high", "low"]
    cut = audio_dataset_from_directory(sounds, output_sequence_length=5, sampling_rate=8000, shuffle=False)
    x, _ = next(iter(cut))
    assert x.shape == (6, 5, 1) and x[0, 4, 0] == 0 and x[1, 4, 0] > 0
    assert cut.element_spec[0] == TensorSpec((None, 5, None))
    both = audio_dataset_from_directory(sounds, validation_split=0.5, subset="both", seed=1, label_mode=None)
    assert isinstance(both, tuple) and [len(next(iter(part))) for part in both] == [3, 3]


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_sounds_of_each_width(tmp_path, width):
    (tmp_path / "a").mkdir()
    most = 2 ** (8 * width - 1)
    values = np.array([[0, 1], [-1, most - 1], [-most, most // 2]])
    write_wav(tmp_path / "a" / "x.wav", values, width)
    x = next(iter(audio_dataset_from_directory(tmp_path, label_mode=None, batch_size=None)))
    np.testing.assert_array_equal(x, (values / most).astype("float32"))


def test_sound_errors(sounds):
    with pytest.raises(NotImplementedError, match="ragged"):
        audio_dataset_from_directory(sounds, ragged=True)
    with pytest.raises(ValueError, match="Cannot set both"):
        audio_dataset_from_directory(sounds, ragged=True, output_sequence_length=3)
    for rate in (0, 8000.0):
        with pytest.raises(ValueError, match="`sampling_rate` should"):
            audio_dataset_from_directory(sounds, sampling_rate=rate)
    with pytest.raises(ValueError, match=r"wav has 8000 samples per second, not sampling_rate=16000"):
        next(iter(audio_dataset_from_directory(sounds, sampling_rate=16000)))
    good = (sounds / "low" / "0.wav").read_bytes()
    huge = good[:40] + struct.pack("<I", 0xFFFFFFF0) + good[44:]
    for content in (b"no sound", good[:20], good[:20] + b"\x03" + good[21:], huge[:34] + b"\0\0" + huge[36:]):
        (sounds / "low" / "0.wav").write_bytes(content)
        with pytest.raises(ValueError, match=r"0\.wav is not a WAV file"):
            list(audio_dataset_from_directory(sounds))
    (sounds / "low" / "0.wav").write_bytes(huge)  # claims more than it has: what is there is read
    assert sum(len(x) for x, _ in audio_dataset_from_directory(sounds)) == 6


# --- halves ----------------------------------------------------------------------------------------------------------
def values(dataset):
    return [np.asarray(item).tolist() if not isinstance(item, tuple) else tuple(map(int, item)) for item in dataset]


def test_split_dataset():
    left, right = split_dataset(np.arange(10), left_size=0.7)
    assert values(left) == list(range(7)) and values(right) == [7, 8, 9] and len(left) == 7
    left, right = split_dataset(np.arange(10), 0.28, right_size=0.32)
    assert values(left) == [0, 1, 2] and values(right) == [7, 8, 9]  # to the nearest
    left, right = split_dataset((np.arange(6), np.arange(6) * 2), right_size=2)
    assert values(left) == [(i, 2 * i) for i in range(4)] and values(right) == [(4, 8), (5, 10)]
    left, right = split_dataset([np.arange(6)], 2, 1)
    assert values(left) == [(0,), (1,)] and values(right) == [(5,)]
    order = list(range(8))
    random.seed(4)
    random.shuffle(order)
    left, right = split_dataset(Stream.range(8), left_size=3, shuffle=True, seed=4)
    assert values(left) == order[:3] and values(right) == order[3:]
    left, right = split_dataset(Stream.range(10).batch(4), left_size=0.5)
    assert values(left) == [[0, 1, 2, 3], [4]] and values(right) == [[5, 6, 7, 8], [9]]


@pytest.mark.parametrize(
    ("data", "sizes", "error", "message"),
    [
        (np.arange(4), {}, ValueError, "At least one"),
        (np.arange(4), {"left_size": 4}, ValueError, "smaller than 4"),
        (np.arange(4), {"right_size": 1.5}, ValueError, "float within the range"),
        (np.arange(4), {"left_size": "2"}, TypeError, "Invalid `left_size` Type"),
        (np.arange(4), {"left_size": 0.6, "right_size": 0.6}, ValueError, "greater than 1"),
        (np.arange(4), {"left_size": 3, "right_size": 2}, ValueError, "should be smaller than the 4"),
        (np.arange(4), {"left_size": 0.01}, ValueError, "left side dataset split will be empty"),
        (np.arange(0), {"left_size": 0.5}, ValueError, "empty dataset"),
        ([np.arange(3), np.arange(4)], {"left_size": 1}, ValueError, "different lengths"),
        ([[1, 2]], {"left_size": 1}, ValueError, "Expected a list of `numpy.ndarray`"),
        ("words", {"left_size": 1}, TypeError, "The `dataset` argument"),
    ],
)
def test_split_errors(data, sizes, error, message):
    with pytest.raises(error, match=message):
        split_dataset(data, **sizes)


def test_names_are_where_keras_has_them():
    for name in ("timeseries_dataset_from_array", "text_dataset_from_directory", "audio_dataset_from_directory"):
        assert getattr(pk.preprocessing, name) is getattr(pk.utils, name)
