"""`fit(cache_frozen=True)`: the same training as without, with the frozen layers run once; and what a frozen prefix
costs without it."""

from __future__ import annotations

import numpy as np
import pytest
from image_folders import write_classes

from pykernels import layers, ops, utils
from pykernels.layers import Activation, Add, Dense, Dropout, Flatten, Input, Lambda
from pykernels.models import Model, Sequential
from pykernels.preprocessing import image_dataset_from_directory
from pykernels.preprocessing.image import ImageDataGenerator, NumpyArrayIterator
from pykernels.training.frozen_features import FrozenPrefix

ROWS, CLASSES = 133, 4
RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (ROWS, 6, 6, 3), dtype=np.uint8)
Y = RNG.integers(0, CLASSES, ROWS)
# Results of two ways to the same numbers: batches of other sizes sum in another order. Losses are of the order of 10,
# weights of 0.1; ten steps of Adam pass an error of the last bit on.
CLOSE = {"rtol": 1e-5, "atol": 1e-6}


def sequential():
    model = Sequential(
        [
            Input((6, 6, 3)),
            Flatten(),
            Dense(16, activation="relu", name="frozen"),
            Dropout(0.4),
            Dense(12, activation="relu", name="frozen_after_dropout"),
            Dense(CLASSES, activation="softmax", name="head"),
        ]
    )
    for layer in model.layers[:-1]:
        layer.trainable = False
    return model


def branching():
    x = Input((6, 6, 3))
    flat = Flatten(name="flat")(x)
    a = Dense(8, trainable=False, name="a")(flat)
    b = Dense(8, trainable=False, name="b")(a)
    c = Dense(8, name="c")(flat)  # trained, beside the frozen ones
    d = ops.tanh(b)
    y = Activation("relu", name="r")(Add(name="sum")([c, d]))
    return Model(x, Dense(CLASSES, activation="softmax", name="head")(y))


def nested():
    base = Sequential([Input((6, 6, 3)), Flatten(), Dense(10, activation="relu")], name="base")
    base.trainable = False
    return Sequential([base, Dense(CLASSES, activation="softmax", name="head")])


def train(build, cached, *data, **arguments):
    utils.set_random_seed(5)
    model = build()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(*data, epochs=3, verbose=0, cache_frozen=cached, **arguments)
    return model, history.history


def assert_same_training(build, data, **arguments):
    """`data` is a function, for sources that keep a state."""
    plain, plain_history = train(build, False, *data(), **arguments)
    plain_state = np.random.random()
    cached, history = train(build, True, *data(), **arguments)
    state = np.random.random()
    assert list(history) == list(plain_history)
    for name, values in history.items():
        np.testing.assert_allclose(values, plain_history[name], **CLOSE, err_msg=name)
    for mine, other in zip(cached.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(mine, other, **CLOSE)
    assert state == plain_state  # later draws are the same, too


@pytest.mark.parametrize("build", [sequential, branching, nested])
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"validation_split": 0.3},
        {"shuffle": "batch", "batch_size": 20},
        {"shuffle": False, "validation_data": (X[:50], Y[:50]), "class_weight": {0: 1, 1: 2, 2: 0.5, 3: 1}},
        {"steps_per_epoch": 3, "sample_weight": np.linspace(0.5, 1.5, ROWS)},
    ],
    ids=["plain", "split", "blocks", "validation", "steps"],
)
def test_training_on_arrays_is_the_same(build, arguments):
    assert_same_training(build, lambda: (X, Y), **arguments)


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize("shuffle", [True, False])
def test_training_on_image_iterators_is_the_same(seed, shuffle):
    generator = ImageDataGenerator(rescale=1 / 255)

    def data():
        return (generator.flow(X, Y, batch_size=20, shuffle=shuffle, seed=seed),)

    assert_same_training(sequential, data, shuffle=shuffle)
    assert_same_training(sequential, data, validation_data=generator.flow(X[:40], Y[:40], shuffle=False))


@pytest.mark.parametrize("shuffle", [True, False])
def test_training_on_image_datasets_is_the_same(tmp_path, shuffle):
    write_classes(tmp_path, {name: 10 + k for k, name in enumerate("abcd")})
    options = {"image_size": (6, 6), "batch_size": 8, "seed": 3, "validation_split": 0.25, "verbose": False}

    def data(subset="training"):
        return image_dataset_from_directory(tmp_path, subset=subset, shuffle=shuffle, **options)

    assert_same_training(sequential, lambda: (data(),))
    assert_same_training(sequential, lambda: (data().prefetch(-1),), validation_data=data("validation"))
    model = sequential()
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match=r"image_dataset_from_directory.*without map\(\), cache\(\) and the like"):
        model.fit(data().map(lambda x, y: (x / 255, y)), verbose=0, cache_frozen=True)


def test_training_on_a_dataset_on_disk_is_the_same(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["x"], file["y"] = X, Y
    with h5py.File(tmp_path / "x.h5") as file:
        assert_same_training(sequential, lambda: (file["x"], file["y"]))


def test_the_frozen_layers_run_once_per_sample():
    calls = []

    def counted(x):
        calls.append(x.shape)
        return x

    model = Sequential([Input((6, 6, 3)), Flatten(), Lambda(counted), Dense(8, trainable=False), Dense(CLASSES)])
    model.compile("sgd", "mse", run_eagerly=True)  # records each step anew, so that Python code runs each time
    data, target = X[:64] / np.float32(255), np.zeros((64, CLASSES), "f")
    model.fit(data, target, epochs=4, verbose=0)
    plain = len(calls)
    calls.clear()
    model.fit(data, target, epochs=4, verbose=0, cache_frozen=True)
    assert plain >= 8
    assert len(calls) <= 3  # once to see what it does, once for the program that runs it


def test_the_prefix_ends_at_what_changes():
    model = sequential()
    model.compile("sgd", "mse")
    model.build((None, 6, 6, 3))
    assert FrozenPrefix(model).layers[1:] == ["frozen"]
    model = branching()
    assert FrozenPrefix(model).layers == ["flat", "a", "b", "activation"]
    assert FrozenPrefix(nested()).layers == ["base"]


def test_the_head_alone_is_changed_and_the_model_stays_whole():
    model, history = train(sequential, True, X, Y)
    fresh, _ = train(sequential, True, X[:1], Y[:1], initial_epoch=3)  # no epoch at all
    before, after = fresh.get_weights(), model.get_weights()
    changed = [not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
    assert changed == [False] * 4 + [True] * 2
    assert len(model.layers) == 5
    loss, accuracy = model.evaluate(X, Y, verbose=0)
    assert len(history["loss"]) == 3
    assert np.isfinite(loss)
    assert 0 <= accuracy <= 1


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (lambda: [Dense(8, name="first"), Dense(8, trainable=False)], "first is trained"),
        (lambda: [Dropout(0.5, name="drop"), Dense(8, trainable=False)], "drop draws random numbers"),
        (lambda: [Dense(8, trainable=False, activity_regularizer="l2", name="reg")], "reg adds to the loss"),
        (lambda: [], "does not begin with frozen layers"),
    ],
)
def test_models_that_have_no_frozen_beginning(start, message):
    model = Sequential([Input((6, 6, 3)), Flatten(), *start(), Dense(CLASSES)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=message):
        model.fit(X, np.zeros((ROWS, CLASSES)), verbose=0, cache_frozen=True)


def test_a_base_of_which_a_part_is_trained():
    base = Sequential([Input((6, 6, 3)), Flatten(), Dense(8, trainable=False), Dense(8)], name="base")
    model = Sequential([base, Dense(CLASSES, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match=r"base is a model of its own, of which a part is trained.*base\.output"):
        model.fit(X, Y, verbose=0, cache_frozen=True)
    whole = Model(base.input, Dense(CLASSES, activation="softmax")(base.output))
    whole.compile("adam", "sparse_categorical_crossentropy")
    assert len(FrozenPrefix(whole).layers) == 2
    whole.fit(X, Y, verbose=0, cache_frozen=True)


def test_normalization_that_updates_its_statistics_ends_the_prefix():
    norm = layers.BatchNormalization(center=False, scale=False, name="norm")
    model = Sequential([Input((6, 6, 3)), Flatten(), norm, Dense(8, trainable=False), Dense(CLASSES)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="norm updates its statistics"):
        model.fit(X, np.zeros((ROWS, CLASSES)), verbose=0, cache_frozen=True)
    norm.trainable = False  # then it uses the statistics that it has
    model.compile("sgd", "mse")
    assert FrozenPrefix(model).layers[1] == "norm"
    model.fit(X, np.zeros((ROWS, CLASSES)), verbose=0, cache_frozen=True)


def batches():
    while True:
        yield X[:32], Y[:32]


class OwnGenerator(ImageDataGenerator):
    def standardize(self, x):
        return x + np.random.random()


class OwnIterator(NumpyArrayIterator):
    def _get_batches_of_transformed_samples(self, index_array):
        return self.x[index_array], self.y[index_array]


def test_iterators_with_code_of_their_own_are_refused(tmp_path):
    model = sequential()
    model.compile("adam", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match="OwnGenerator changes images with methods of its own"):
        model.fit(OwnGenerator().flow(X, Y), verbose=0, cache_frozen=True)
    with pytest.raises(ValueError, match="OwnIterator makes its batches with code of its own"):
        model.fit(OwnIterator(X, Y, ImageDataGenerator()), verbose=0, cache_frozen=True)
    with pytest.raises(ValueError, match="would save the images of one pass only"):
        model.fit(ImageDataGenerator().flow(X, Y, save_to_dir=str(tmp_path)), verbose=0, cache_frozen=True)


def test_data_that_may_change_are_refused():
    model = sequential()
    model.compile("adam", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match="A generator may give others each time"):
        model.fit(batches(), steps_per_epoch=2, verbose=0, cache_frozen=True)
    augmented = ImageDataGenerator(rotation_range=10, horizontal_flip=True).flow(X, Y)
    with pytest.raises(ValueError, match=r"at random \(rotation_range=10, horizontal_flip=True\)"):
        model.fit(augmented, verbose=0, cache_frozen=True)
    # Validation data that change go through the whole model.
    history = model.fit(X, Y, validation_data=augmented, verbose=0, cache_frozen=True).history
    assert np.isfinite(history["val_loss"]).all()


class Own(Sequential):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return ops.mean(y_pred) + ops.mean(x)


class Free(Model):
    def __init__(self):
        super().__init__()
        self.dense = Dense(CLASSES)

    def call(self, x):
        return self.dense(ops.reshape(x, (-1, 108)))


def test_models_that_cannot_be_cut():
    model = Own([Input((6, 6, 3)), Flatten(), Dense(8, trainable=False), Dense(CLASSES)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="Own has a compute_loss"):
        model.fit(X, np.zeros((ROWS, CLASSES)), verbose=0, cache_frozen=True)
    model = Free()
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="Free has a `call` of its own"):
        model.fit(X.astype("f"), np.zeros((ROWS, CLASSES)), verbose=0, cache_frozen=True)


def test_results_that_do_not_fit_into_the_memory(monkeypatch):
    monkeypatch.setattr("pykernels.training.frozen_features.available_memory", lambda: 1000)
    model = sequential()
    model.compile("adam", "sparse_categorical_crossentropy")
    with pytest.raises(MemoryError, match="133 samples"):
        model.fit(X, Y, verbose=0, cache_frozen=True)


def test_a_frozen_prefix_has_no_backward_pass():
    model = sequential()
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(X[:32], Y[:32], verbose=0)
    (program,) = (p for (kind, *_), p in model._programs._kept.items() if kind == "train")
    table = program.describe()
    for name in ("frozen", "frozen_after_dropout", "flatten"):
        assert {row["op"] for row in table if row["label"].startswith(name)} <= {"matmul", "reshape", "cast"}
    assert any(row["op"].startswith("matmul_update") for row in table if row["label"] == "head")
    assert len([row for row in table if row["op"] == "dropout"]) == 1  # its backward is the same op
