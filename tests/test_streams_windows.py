"""More methods of `tf.data.Dataset`: windows, groups, choices, files. What is expected: what TensorFlow 2.21 gives."""

from __future__ import annotations

import gzip
import os

import numpy as np
import pytest

import pykernels as pk
from pykernels.preprocessing.elements import TensorSpec
from pykernels.preprocessing.stream_windows import DatasetSpec, Options
from pykernels.preprocessing.streams import Stream, TextLineDataset, assert_cardinality

I64 = TensorSpec((), "int64")
MANY = TensorSpec((None,), "int64")
RAGGED = [[0], [1, 2, 3, 4], [5, 6, 7], [7, 8, 9, 10, 11], [13, 14, 15, 16, 19, 20], [21, 22]]


def numbers(*args):
    return Stream.range(*args)


def ragged():
    return Stream.from_generator(lambda: RAGGED, "int64", [None])


def same(n):
    """The dataset of n times n."""
    return Stream.from_tensors(n).repeat(n)


def read(dataset, most=12):
    return [_values(item) for item in dataset.take(most)]


def _values(item):
    if isinstance(item, tuple):
        return tuple(map(_values, item))
    return [_values(part) for part in item] if isinstance(item, Stream) else item.tolist()


def tens(choices):
    return Stream.from_tensor_slices(np.array(choices, "int64"))


def three():
    return [numbers(3), numbers(10, 12)]


CASES = {
    "window": (lambda: numbers(7).window(3), 3, DatasetSpec(I64), [[0, 1, 2], [3, 4, 5], [6]]),
    "window, shifted": (
        lambda: numbers(6).window(3, shift=1, drop_remainder=True),
        4,
        DatasetSpec(I64),
        [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5]],
    ),
    "window, stride": (
        lambda: numbers(7).window(3, shift=2, stride=2),
        4,
        DatasetSpec(I64),
        [[0, 2, 4], [2, 4, 6], [4, 6], [6]],
    ),
    "window, gaps": (lambda: numbers(9).window(2, shift=4), 3, DatasetSpec(I64), [[0, 1], [4, 5], [8]]),
    "window, long": (lambda: numbers(2).window(3, drop_remainder=True), 0, DatasetSpec(I64), []),
    "windows as arrays": (
        lambda: numbers(5).window(3, shift=1, drop_remainder=True).flat_map(lambda w: w.batch(3)),
        -2,
        MANY,
        [[0, 1, 2], [1, 2, 3], [2, 3, 4]],
    ),
    "windows of pairs": (
        lambda: (
            Stream.from_tensor_slices((np.arange(4), np.arange(4) * 10))
            .window(2)
            .flat_map(lambda a, b: Stream.zip((a.batch(2), b.batch(2))))
        ),
        -2,
        (MANY, MANY),
        [([0, 1], [0, 10]), ([2, 3], [20, 30])],
    ),
    "interleave, blocks": (
        lambda: numbers(1, 6).interleave(lambda x: Stream.from_tensors(x).repeat(6), cycle_length=2, block_length=4),
        -2,
        I64,
        [1, 1, 1, 1, 2, 2, 2, 2, 1, 1, 2, 2],
    ),
    "interleave, one": (
        lambda: numbers(3).interleave(lambda x: numbers(x, x + 3), cycle_length=1),
        -2,
        I64,
        [0, 1, 2, 1, 2, 3, 2, 3, 4],
    ),
    "interleave, many": (
        lambda: numbers(3).interleave(lambda x: numbers(x + 1), cycle_length=5, num_parallel_calls=-1),
        -2,
        I64,
        [0, 0, 0, 1, 1, 2],
    ),
    "interleave, uneven": (
        lambda: numbers(5).interleave(lambda x: Stream.from_tensors(x).repeat(x + 1), cycle_length=2, block_length=1),
        -2,
        I64,
        [0, 1, 1, 2, 2, 3, 2, 3, 3, 4, 3, 4],
    ),
    "choose": (lambda: Stream.choose_from_datasets(three(), tens([0, 1, 1, 1, 0, 0])), -2, I64, [0, 10, 11]),
    "choose on": (
        lambda: Stream.choose_from_datasets(three(), tens([0, 1, 1, 1, 0, 0]), stop_on_empty_dataset=False),
        -2,
        I64,
        [0, 10, 11, 1, 2],
    ),
    "sample": (lambda: Stream.sample_from_datasets(three(), [0.0, 1.0], seed=1), -2, I64, [10, 11]),
    "scan": (lambda: numbers(5).scan(np.int64(0), lambda s, x: (s + x, s + x)), 5, I64, [0, 1, 3, 6, 10]),
    "take_while": (lambda: numbers(9).take_while(lambda x: x < 4), -2, I64, [0, 1, 2, 3]),
    "unique": (
        lambda: Stream.from_tensor_slices([1, 37, 2, 37, 2, 1]).unique(),
        -2,
        TensorSpec((), "int32"),
        [1, 37, 2],
    ),
    "groups": (
        lambda: numbers(10).group_by_window(lambda x: x % 2, lambda k, d: d.batch(2), window_size=4),
        -2,
        MANY,
        [[0, 2], [4, 6], [1, 3], [5, 7], [8], [9]],
    ),
    "buckets": (
        lambda: ragged().bucket_by_sequence_length(len, [3, 5], [2, 2, 2]),
        -2,
        TensorSpec((None, None), "int64"),
        [
            [[1, 2, 3, 4], [5, 6, 7, 0]],
            [[7, 8, 9, 10, 11, 0], [13, 14, 15, 16, 19, 20]],
            [[0, 0], [21, 22]],
        ],
    ),
    "buckets to the bound": (
        lambda: ragged().take(3).bucket_by_sequence_length(len, [3, 6], [1, 2, 1], pad_to_bucket_boundary=True),
        -2,
        TensorSpec((None, 2), "int64"),
        [[[0, 0]], [[1, 2, 3, 4, 0], [5, 6, 7, 0, 0]]],
    ),
    "rebatch": (lambda: numbers(7).batch(4).rebatch(3), -2, MANY, [[0, 1, 2], [3, 4, 5], [6]]),
    "rebatch, list": (
        lambda: numbers(8).batch(4).rebatch([2, 1, 1]),
        -2,
        MANY,
        [[0, 1], [2], [3], [4, 5], [6], [7]],
    ),
    "counter": (lambda: Stream.counter(5, 2).take(3), 3, I64, [5, 7, 9]),
    "padded": (
        lambda: ragged().padded_batch(2),
        -2,
        TensorSpec((None, None), "int64"),
        [[[0, 0, 0, 0], [1, 2, 3, 4]], [[5, 6, 7, 0, 0], [7, 8, 9, 10, 11]], None],
    ),
    "padded, shape": (
        lambda: ragged().take(3).padded_batch(2, 5, np.int64(-1), drop_remainder=True),
        -2,
        TensorSpec((2, 5), "int64"),
        [[[0, -1, -1, -1, -1], [1, 2, 3, 4, -1]]],
    ),
    "padded, pairs": (
        lambda: ragged().take(2).map(lambda x: (x, x[0])).padded_batch(2, ([5], []), (np.int64(-1), np.int64(0))),
        -2,
        None,
        [([[0, -1, -1, -1, -1], [1, 2, 3, 4, -1]], [0, 1])],
    ),
    "options": (lambda: numbers(2).with_options(Options()).prefetch(1, name="p"), 2, I64, [0, 1]),
    "cardinality": (lambda: numbers(2).filter(lambda x: True).apply(assert_cardinality(2)), 2, I64, [0, 1]),
    "lists": (lambda: Stream.from_tensor_slices(([1, 2], [0.5, 1.5])), 2, None, [(1, 0.5), (2, 1.5)]),
    "range": (lambda: Stream.range(2, output_type="float32"), 2, TensorSpec(()), [0.0, 1.0]),
}


@pytest.mark.parametrize("name", CASES)
def test_elements(name):
    make, count, spec, items = CASES[name]
    dataset = make()
    assert dataset.cardinality() == count
    assert spec is None or dataset.element_spec == spec
    for _ in range(2):  # a dataset can be read again
        for got, expected in zip(read(dataset), items, strict=True):
            assert expected is None or got == expected


def test_lists_have_32_bits():
    spec = Stream.from_tensor_slices(([1, 2], [0.5, 1.5], [2**40, 1], ["a", "b"])).element_spec
    assert [part.dtype for part in spec] == ["int32", "float32", "int64", "string"]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: numbers(3).window(0), ValueError, "`size` must be greater than zero"),
        (lambda: numbers(3).window(1, shift=0), ValueError, "`shift` must be"),
        (lambda: numbers(3).interleave(same, cycle_length=0), ValueError, "`cycle_length` must be"),
        (lambda: numbers(3).padded_batch(0), ValueError, "`batch_size` must be"),
        (lambda: list(ragged().padded_batch(2, [2])), ValueError, "smaller size than the input element"),
        (lambda: list(ragged().padded_batch(2, [])), ValueError, "same rank"),
        (lambda: numbers(3).group_by_window(int, same), ValueError, "either window_size or window_size_func"),
        (lambda: ragged().bucket_by_sequence_length(len, [3], [1]), ValueError, "bucket_batch_sizes"),
        (
            lambda: list(ragged().bucket_by_sequence_length(len, [3], [1, 1], pad_to_bucket_boundary=True)),
            ValueError,
            "pad_to_bucket_boundary=True",
        ),
        (lambda: Stream.choose_from_datasets([], tens([])), ValueError, "should not be empty"),
        (lambda: list(Stream.choose_from_datasets(three(), tens([2]))), IndexError, "none of 2 datasets"),
        (lambda: Stream.sample_from_datasets(three(), [1.0]), ValueError, "2 numbers"),
        (lambda: numbers(2).get_single_element(), ValueError, "more than one element"),
        (lambda: numbers(0).get_single_element(), ValueError, "empty"),
        (lambda: list(numbers(2).apply(assert_cardinality(3))), ValueError, "contained only 2"),
        (lambda: list(numbers(2).apply(assert_cardinality(1))), ValueError, "has more"),
        (lambda: Stream.list_files("/nowhere/*"), ValueError, "No files matched pattern"),
        (lambda: Stream.load("/nowhere"), FileNotFoundError, "Dataset.save wrote nothing"),
        (lambda: numbers(2).save("x", shard_func=len), NotImplementedError, "shard_func"),
        (lambda: numbers(2).save("x", compression="ZIP"), ValueError, "`compression`"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_sampling_follows_the_weights():
    data = Stream.sample_from_datasets([numbers(1).repeat(), numbers(1, 2).repeat()], [0.2, 0.8], seed=3)
    one, two = np.array(read(data, 400)), np.array(read(data, 400))
    assert 0.7 < one.mean() < 0.9 and (one != two).any()
    fixed = Stream.sample_from_datasets(three(), seed=3, rerandomize_each_iteration=False)
    assert read(fixed) == read(fixed) and sorted(read(fixed)) == [0, 1, 2, 10, 11]
    drawn = Stream.random(seed=2)
    assert read(drawn, 3) == read(drawn, 3) != read(Stream.random(seed=3), 3)
    other = Stream.random(seed=2, rerandomize_each_iteration=True)
    assert read(other, 3) != read(other, 3)


def test_files(tmp_path):
    for name in ("b.txt", "a.txt", "c.md"):
        (tmp_path / name).write_bytes(f"{name}\r\nmore\n\nend".encode())
    names = [os.path.join(str(tmp_path), name).encode() for name in ("a.txt", "b.txt")]
    files = Stream.list_files(str(tmp_path / "*.txt"), shuffle=False)
    assert [name.numpy() for name in files] == names and files.element_spec == TensorSpec((), "string")
    shuffled = Stream.list_files([str(tmp_path / "*.txt"), str(tmp_path / "*.md")], seed=1)
    assert len(shuffled) == 3 and {name.numpy() for name in shuffled} > set(names)
    lines = TextLineDataset([str(tmp_path / "a.txt"), str(tmp_path / "b.txt")])
    first = [b"a.txt", b"more", b"", b"end"]
    assert [line.numpy() for line in lines] == [*first, b"b.txt", *first[1:]]
    (tmp_path / "x.gz").write_bytes(gzip.compress(b"1\n2"))
    assert [line.numpy() for line in TextLineDataset(str(tmp_path / "x.gz"), "GZIP")] == [b"1", b"2"]


@pytest.mark.parametrize("compression", [None, "GZIP"])
def test_save_and_load(tmp_path, compression):
    dataset = Stream.zip((ragged(), Stream.from_tensor_slices({"leaf": np.arange(6), "t": list("abcdef")})))
    dataset.save(tmp_path / "data", compression=compression)
    twin = Stream.load(str(tmp_path / "data"))
    assert len(twin) == 6
    for (a, b), (c, d) in zip(dataset, twin, strict=True):
        np.testing.assert_array_equal(a, c)
        assert a.dtype == c.dtype and b["leaf"] == d["leaf"] and b["t"].numpy() == d["t"].numpy()
    numbers(0).save(tmp_path / "none")
    assert list(Stream.load(tmp_path / "none")) == []
    (tmp_path / "data" / "part-00000.npz").write_bytes(b"no")
    with pytest.raises(ValueError, match=r"part-00000\.npz is damaged"):
        list(twin)
    (tmp_path / "data" / "dataset.json").write_text("{}")
    with pytest.raises(ValueError, match=r"dataset\.json is damaged"):
        Stream.load(tmp_path / "data")


def test_a_model_is_trained_on_windows():
    series = np.sin(np.arange(40, dtype="float32"))
    data = Stream.from_tensor_slices(series).window(5, shift=1, drop_remainder=True).flat_map(lambda w: w.batch(5))
    data = data.map(lambda w: (w[:-1], w[-1:])).shuffle(50, seed=1).batch(8).prefetch(1)
    model = pk.Sequential([pk.layers.Input((4,)), pk.layers.Dense(1)])
    model.compile("adam", "mse")
    assert len(model.fit(data, epochs=2, verbose=0).history["loss"]) == 2


def test_options_take_any_attribute():
    options = Options()
    options.experimental_distribute.auto_shard_policy = 3
    options.deterministic = False
    assert options.experimental_distribute.auto_shard_policy == 3 and not options.deterministic


def test_a_generator_of_texts():
    data = Stream.from_generator(lambda: iter([("a", 1), ("é", 2)]), ("string", "int32"), ((), ()))
    assert [(text.numpy(), int(n)) for text, n in data] == [(b"a", 1), ("é".encode(), 2)]
    assert next(iter(data.batch(2)))[0].numpy().tolist() == [b"a", "é".encode()]
