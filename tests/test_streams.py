"""Datasets with the methods of `tf.data.Dataset`: elements, numbers of elements and types as TensorFlow has them.

What is expected was compared with TensorFlow 2.21, which is not among the things that the tests need.
"""

from __future__ import annotations

import numpy as np
import pytest
from image_folders import write_classes

import pykernels as pk
from pykernels import layers
from pykernels.preprocessing.elements import TensorSpec
from pykernels.preprocessing.streams import INFINITE, UNKNOWN, Stream, cardinality


def numbers(n=7):
    return Stream.range(n)


def pairs():
    return Stream.from_tensor_slices((np.arange(14, dtype="float32").reshape(7, 2), np.arange(7)))


def even(v):
    return v % 2 == 0


I64 = TensorSpec((), "int64")
SEVEN = list(range(7))


@pytest.mark.parametrize(
    ("dataset", "count", "spec", "items"),
    [
        (lambda: Stream.range(2, 9, 3), 3, I64, [2, 5, 8]),
        (lambda: numbers().take(3), 3, I64, [0, 1, 2]),
        (lambda: numbers().take(9), 7, I64, SEVEN),
        (lambda: numbers().take(-1), 7, I64, SEVEN),
        (lambda: numbers().skip(5), 2, I64, [5, 6]),
        (lambda: numbers().skip(9), 0, I64, []),
        (lambda: numbers().skip(-1), 0, I64, []),
        (lambda: numbers().shard(3, 0), 3, I64, [0, 3, 6]),
        (lambda: numbers().shard(3, 1), 2, I64, [1, 4]),
        (lambda: numbers(2).repeat(), INFINITE, I64, [0, 1] * 4),
        (lambda: numbers(2).repeat(2), 4, I64, [0, 1, 0, 1]),
        (lambda: numbers(2).repeat(0), 0, I64, []),
        (lambda: numbers(0).repeat(), 0, I64, []),
        (lambda: numbers().filter(lambda v: v > 9).repeat(), INFINITE, I64, []),
        (lambda: numbers(2).repeat().take(5), 5, I64, [0, 1, 0, 1, 0]),
        (lambda: numbers().filter(even), UNKNOWN, I64, [0, 2, 4, 6]),
        (lambda: numbers().filter(even).take(2), UNKNOWN, I64, [0, 2]),
        (lambda: numbers(3).concatenate(numbers(2)), 5, I64, [0, 1, 2, 0, 1]),
        (lambda: numbers(3).concatenate(numbers(1).repeat()), INFINITE, I64, [0, 1, 2] + [0] * 5),
        (lambda: numbers(2).flat_map(lambda v: Stream.from_tensors(v).repeat(2)), UNKNOWN, I64, [0, 0, 1, 1]),
        (lambda: numbers().apply(lambda data: data.take(1)), 1, I64, [0]),
        (lambda: numbers().cache().prefetch(-1).shuffle(1), 7, I64, SEVEN),
        (lambda: numbers(2).enumerate(5), 2, (I64, I64), [(5, 0), (6, 1)]),
        (lambda: Stream.zip((numbers(), numbers(2))), 2, (I64, I64), [(0, 0), (1, 1)]),
        (lambda: Stream.zip(numbers(2), numbers(1).repeat()), 2, (I64, I64), [(0, 0), (1, 0)]),
        (lambda: Stream.zip(numbers().filter(even), numbers().repeat()), UNKNOWN, (I64, I64), None),
        (lambda: Stream.zip({"a": numbers(1), "b": numbers(1)}), 1, {"a": I64, "b": I64}, [{"a": 0, "b": 0}]),
        (lambda: Stream.zip(datasets=(numbers(1), numbers(1))), 1, (I64, I64), [(0, 0)]),
        (lambda: numbers(3).batch(2), 2, TensorSpec((None,), "int64"), [[0, 1], [2]]),
        (lambda: numbers(3).batch(2, drop_remainder=True), 1, TensorSpec((2,), "int64"), [[0, 1]]),
        (lambda: numbers(4).batch(2).batch(2), 1, TensorSpec((None, None), "int64"), [[[0, 1], [2, 3]]]),
        (lambda: numbers(3).batch(2).unbatch(), UNKNOWN, I64, [0, 1, 2]),
        (lambda: numbers(3).batch(2).repeat().unbatch(), INFINITE, I64, [0, 1, 2, 0, 1, 2, 0, 1]),
        (lambda: numbers(2).map(lambda v: (v / 2, 1)), 2, None, [(0, 1), (0.5, 1)]),
    ],
)
def test_elements(dataset, count, spec, items):
    data = dataset()
    assert data and data.cardinality() == cardinality(data) == cardinality(data).numpy() == count
    if count < 0:
        with pytest.raises(TypeError, match="The dataset is infinite" if count == INFINITE else "length is unknown"):
            len(data)
    else:
        assert len(data) == count
    assert spec is None or data.element_spec == spec
    if items is not None:
        found = [item for _, item in zip(range(8), data, strict=False)]
        assert [_listed(item) for item in found] == items
        assert [_listed(item) for _, item in zip(range(8), data, strict=False)] == items  # a second time


def _listed(item):
    if isinstance(item, tuple):
        return tuple(_listed(part) for part in item)
    if isinstance(item, dict):
        return {key: _listed(part) for key, part in item.items()}
    return item.numpy().tolist()


def test_element_specs():
    row = (TensorSpec((2,)), I64)
    assert pairs().element_spec == row
    batches = pairs().batch(3)
    assert batches.element_spec == (TensorSpec((None, 2)), TensorSpec((None,), "int64"))
    assert str(batches.element_spec[0]) == "TensorSpec(shape=(None, 2), dtype=float32, name=None)"
    mapped = batches.map(lambda x, y: {"x": x[:, :1] / 2, "one": 1, "sum": y.sum()})
    specs = {"x": TensorSpec((None, 1)), "one": TensorSpec((), "int32"), "sum": I64}
    assert mapped.element_spec == specs and len({*mapped.element_spec.values(), I64}) == 3
    both = pairs().batch(3, drop_remainder=True).concatenate(pairs().batch(7, drop_remainder=True))
    assert both.element_spec == batches.element_spec
    with pytest.raises(TypeError, match="two types"):
        _ = pairs().concatenate(numbers()).element_spec
    with pytest.raises(TypeError, match="two types"):
        _ = numbers().concatenate(numbers().map(lambda v: v / 2)).element_spec
    unknown = Stream.from_generator(lambda: iter([1, 2]), output_types="int32")
    assert unknown.element_spec.shape is None and unknown.batch(2).element_spec.shape is None
    assert Stream.from_generator(lambda: iter([[1.5, 2.0]])).element_spec == TensorSpec((2,), "float64")
    with pytest.raises(ValueError, match="empty"):
        _ = Stream.from_generator(lambda: iter([])).element_spec


def test_asking_for_a_spec_changes_no_result():
    def noisy(v):
        return v + np.random.random()

    results = []
    for asked in (False, True):
        pk.utils.set_random_seed(1)
        data = numbers(3).map(noisy)
        if asked:
            assert data.element_spec == TensorSpec((), "float32")  # an integer and a number, as Keras promotes
        results.append([float(v) for v in data])
    assert results[0] == results[1]


def test_generators():
    made = []

    def count(n):
        made.append(n)
        return ((i, [i] * i) for i in range(n))

    signature = (TensorSpec((), "int32"), TensorSpec((None,), "float32"))
    data = Stream.from_generator(count, args=(3,), output_signature=signature)
    for _ in range(2):
        assert [_listed(item) for item in data] == [(0, []), (1, [1.0]), (2, [2.0, 2.0])]
    assert made == [3, 3] and data.element_spec == signature
    first, second = next(iter(data))
    assert first.dtype == "int32" and second.dtype == "float32"
    lists = Stream.from_generator(lambda: iter([[1, 2]]), ("int32", "int64"), ((), ()))
    assert _listed(next(iter(lists))) == (1, 2) and lists.element_spec == (TensorSpec((), "int32"), I64)
    named = Stream.from_generator(lambda: iter([{"a": [1]}]), {"a": "float32"}, {"a": [1]})
    assert named.element_spec == {"a": TensorSpec((1,))} and _listed(next(iter(named))) == {"a": [1.0]}
    for wrong, message in (([1], r"shape \(1,\)"), ((1, 2), "another structure")):
        with pytest.raises(ValueError, match=message):
            spec = TensorSpec((2,)) if isinstance(wrong, list) else (I64, I64, I64)
            list(Stream.from_generator(lambda item=wrong: iter([item]), output_signature=spec))
    with pytest.raises(TypeError, match="callable"):
        Stream.from_generator(iter([1]))
    with pytest.raises(ValueError, match="output_signature"):
        Stream.from_generator(count, "int32", output_signature=I64)


def test_options_are_checked():
    for call, message in (
        (lambda: numbers().shard(3, 3), "between 0 and 2"),
        (lambda: numbers().batch(0), "batch_size"),
        (lambda: numbers().shuffle(0), "buffer_size"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(NotImplementedError, match="in memory only"):
        numbers().cache("file")


def test_functions_do_not_change_what_they_get():
    x = np.ones((4, 2), "float32")
    for data in (Stream.from_tensor_slices(x), Stream.from_tensors(x), numbers(4).cache()):

        def change(v):
            first = v
            v += 1
            v -= 2
            v *= 8
            v /= 4
            v //= 1
            v %= 5
            v **= 2
            assert first is not v
            return v

        once, twice = ([_listed(v) for v in data.map(change)] for _ in range(2))
        assert once == twice
    assert (x == 1).all()


def test_layers_and_models_give_eager_arrays():
    rows = Stream.from_tensor_slices(np.arange(12, dtype="float32").reshape(2, 6)).batch(2)
    inputs = layers.Input((6,))
    nets = (
        layers.Rescaling(2.0),
        pk.Sequential([layers.Rescaling(2.0), layers.Flatten()]),
        pk.Model(inputs, {"out": layers.Rescaling(2.0)(inputs)}),
    )
    for net in nets:
        for x in rows:
            for given in (x, x.astype("float64")):
                y = net(given)
                y = y["out"] if isinstance(y, dict) else y
                assert type(y.numpy()) is type(y[0].numpy()) is np.ndarray and y[0, 1].numpy() == 2
                np.testing.assert_array_equal(y, 2 * x)
            y = net(x.numpy())
            y = y["out"] if isinstance(y, dict) else y
            assert type(y) is type(x) and type(y.numpy()) is np.ndarray


def test_shuffling_follows_the_seed():
    def orders(data):
        return [[int(v) for v in data] for _ in range(3)]

    pk.utils.set_random_seed(5)
    first = orders(numbers(50).shuffle(20))
    pk.utils.set_random_seed(5)
    assert first == orders(numbers(50).shuffle(20)) and first[0] != first[1] != first[2]
    assert all(sorted(order) == list(range(50)) for order in first)
    # of the elements that have been read, the first `buffer_size` at the beginning
    assert all(max(order[: k + 1]) < 20 + k for order in first for k in range(30))
    fixed = orders(numbers(50).shuffle(20, seed=1, reshuffle_each_iteration=False))
    assert fixed[0] == fixed[1] == fixed[2] != list(range(50))
    both = orders(numbers(50).shuffle(20, seed=1, reshuffle_each_iteration=None))
    assert both[0] != both[1]


@pytest.mark.parametrize("label_mode", ["int", "categorical", "binary", None])
def test_photo_folders(tmp_path, label_mode):
    write_classes(tmp_path / "photos", {"cat": 5, "dog": 4})
    labels = {"int": ((), "int32"), "categorical": ((2,), "float32"), "binary": ((1,), "float32")}
    for data_format, shape in (("channels_last", (14, 11, 3)), ("channels_first", (3, 14, 11))):
        for batch_size in (4, None):
            data = pk.utils.image_dataset_from_directory(
                tmp_path / "photos",
                image_size=(14, 11),
                label_mode=label_mode,
                batch_size=batch_size,
                data_format=data_format,
                seed=1,
            )
            images = TensorSpec(shape)
            spec = (images, TensorSpec(*labels[label_mode])) if label_mode else images
            if batch_size:
                spec = tuple(s.batched(None) for s in spec) if label_mode else spec.batched(None)
            assert data.element_spec == spec == data.cache().take(1).element_spec
            assert data.cardinality().numpy() == len(data) == (3 if batch_size else 9)
            for item in data:
                parts, specs = (item, spec) if label_mode else ((item,), (spec,))
                assert [TensorSpec((None, *p.shape[1:]) if batch_size else p.shape, p.dtype) for p in parts] == [*specs]


def test_training_on_parts(tmp_path):
    write_classes(tmp_path / "photos", {"cat": 5, "dog": 4})
    data = pk.utils.image_dataset_from_directory(tmp_path / "photos", image_size=(14, 11), batch_size=2, shuffle=False)
    parts = data.cardinality() // 2
    scaled = data.map(lambda x, y: (layers.Rescaling(1 / 255)(x), y))
    net = pk.Sequential([layers.Input((14, 11, 3)), layers.Flatten(), layers.Dense(2, activation="softmax")])
    net.compile("sgd", "sparse_categorical_crossentropy", ["accuracy"])
    history = net.fit(scaled.take(parts).cache(), validation_data=scaled.skip(parts), epochs=2, verbose=0)
    assert history.params["steps"] == 2 and len(history.history["val_accuracy"]) == 2
    x = np.concatenate([x for x, _ in scaled])
    np.testing.assert_array_equal(net.predict(scaled, verbose=0), net.predict(x, batch_size=2, verbose=0))
