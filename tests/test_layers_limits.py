"""Batches of no image, batches that do not fit into the memory, and equal bits for any number of threads."""

import hashlib
import os

import numpy as np
import pytest

import pykernels as pk
from pykernels.training import memory_plan as memory

L = pk.layers


def convnet(**options):
    """Each kind of layer that a convolutional network has."""
    model = pk.Sequential(
        [
            pk.Input((12, 12, 3)),
            L.Conv2D(5, 3, padding="same", activation="relu"),
            L.BatchNormalization(),
            L.MaxPooling2D(),
            L.SeparableConv2D(8, 3, padding="same", activation="relu"),
            L.DepthwiseConv2D(3, padding="same"),
            L.SpatialDropout2D(0.2),
            L.Conv2DTranspose(4, 2, strides=2),
            L.AveragePooling2D(3, 2, "same"),
            L.GroupNormalization(2),
            L.Dropout(0.3),
            L.GlobalAveragePooling2D(),
            L.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], **options)
    return model


# --- no image --------------------------------------------------------------------------------------------------------

NO_IMAGE, NO_LABEL = np.zeros((0, 12, 12, 3), "float32"), np.zeros(0, "int32")


@pytest.mark.parametrize(
    "run",
    [
        lambda m: m(NO_IMAGE),
        lambda m: m(NO_IMAGE, training=True),
        lambda m: m.predict(NO_IMAGE, verbose=0),
        lambda m: m.predict(NO_IMAGE, batch_size=4),
        lambda m: m.predict([NO_IMAGE], verbose=0),
        lambda m: m.predict_on_batch(NO_IMAGE),
    ],
)
def test_no_image_gives_no_row(run):
    y = run(convnet())
    assert y.shape == (0, 3) and y.dtype == np.float32


def test_no_image_and_several_outputs():
    x = pk.Input((4, 4, 1))
    model = pk.Model(x, {"a": L.Conv2D(2, 3)(x), "b": L.Flatten()(x)})
    y = model.predict(np.zeros((0, 4, 4, 1), "float32"), verbose=0)
    assert {name: array.shape for name, array in y.items()} == {"a": (0, 2, 2, 2), "b": (0, 16)}

    class Free(pk.Model):
        def __init__(self):
            super().__init__()
            self.conv = L.Conv2D(2, 3)

        def call(self, x):
            return self.conv(x)

    assert Free().predict(np.zeros((0, 4, 4, 1), "float32"), verbose=0).shape == (0, 2, 2, 2)


def test_a_test_of_no_image_counts_none_and_training_refuses_it():
    model = convnet()
    assert model.test_on_batch(NO_IMAGE, NO_LABEL) == [0.0, 0.0]
    before = model.get_weights()
    for run in (model.fit, model.evaluate, model.train_on_batch):
        with pytest.raises(ValueError, match=r"`x` is empty: its shape is \(0, 12, 12, 3\)"):
            run(NO_IMAGE, NO_LABEL)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_an_image_without_pixels_is_refused_in_the_layer_s_name():
    x = np.zeros((2, 0, 5, 3), "float32")
    for layer in (L.Conv2D(2, 3, padding="same", name="a"), L.MaxPooling2D(padding="same", name="a")):
        with pytest.raises(ValueError, match=r"zero or negative.*layer 'a'"):
            layer(x)


# --- too large a batch -----------------------------------------------------------------------------------------------

ROWS = 1 << 22  # of one image, repeated: 7 GB that nobody has to hold


def many_images():
    return np.broadcast_to(np.zeros((1, 12, 12, 3), "float32"), (ROWS, 12, 12, 3)), np.zeros(ROWS, "int32")


@pytest.mark.parametrize(
    ("run", "step"),
    [
        (lambda m, x, y: m.fit(x, y, batch_size=ROWS, verbose=0), "A training step"),
        (lambda m, x, y: m.train_on_batch(x, y), "A training step"),
        (lambda m, x, y: m.evaluate(x, y, batch_size=ROWS, verbose=0), "An evaluation step"),
        (lambda m, x, y: m.predict(x, batch_size=ROWS, verbose=0), "A prediction step"),
        (lambda m, x, y: m.predict_on_batch(x), "A prediction step"),
        (lambda m, x, y: m(x), "A prediction step"),
    ],
)
@pytest.mark.parametrize("available", [1 << 30, 12 << 30])  # less than a batch has; less than the step needs
def test_too_large_a_batch_is_refused_with_its_size(monkeypatch, run, step, available):
    model = convnet()
    monkeypatch.setattr(memory, "available_memory", lambda: available)
    monkeypatch.setattr("pykernels.training.step_programs.available_memory", lambda: available)
    kind = {"training": "train", "evaluation": "test", "prediction": "predict"}[step.split()[1]]
    small, large = (model.memory(n, kind).step for n in (4096, 8192))
    with pytest.raises(MemoryError, match=rf"{step} of model '.*' with batch size {ROWS} .*needs .*GB") as caught:
        run(model, *many_images())
    said = float(str(caught.value).split("needs ")[1].removeprefix("about ").split(" GB")[0]) * 2**30
    assert said == pytest.approx(small + (large - small) * (ROWS - 4096) / 4096, rel=0.1)
    model.fit(np.zeros((4, 12, 12, 3), "float32"), np.zeros(4, int), verbose=0)


def test_no_memory_for_a_copy_is_a_memory_error():
    """An op needs rows side by side in memory; what NumPy says when there is no room is what the user sees."""
    x = np.broadcast_to(np.zeros((1, 8), "float32"), (1 << 50, 8))
    with pytest.raises(MemoryError, match="Unable to allocate"):
        L.ReLU()(x)
    with pytest.raises(MemoryError, match="Unable to allocate"):
        convnet()(np.broadcast_to(NO_IMAGE[:1].reshape(0, 12, 12, 3).sum(0), (1 << 40, 12, 12, 3)), training=True)


# --- threads ---------------------------------------------------------------------------------------------------------

TRAINING = """
import hashlib, sys
sys.path.insert(0, {folder!r})
import numpy as np
import pykernels as pk
from pykernels import _core
from test_layers_limits import training_digest
print(_core.num_threads(), training_digest())
"""


def training_digest():
    """A digest of weights and predictions after a few steps, with a short last batch."""
    pk.utils.set_random_seed(3)
    model = convnet()
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(150, 12, 12, 3)).astype("float32"), rng.integers(0, 3, 150)
    history = model.fit(x, y, batch_size=64, epochs=2, verbose=0).history
    parts = [*model.get_weights(), model.predict(x, batch_size=64, verbose=0), np.array(history["loss"])]
    return hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts)).hexdigest()


def test_training_has_the_same_bits_for_any_number_of_threads(run_python):
    code = TRAINING.format(folder=os.path.dirname(__file__))
    numbers = [1, 2, 3, 7, 64]
    results = [run_python("-c", code, env={"OMP_NUM_THREADS": str(n)}, check=True).stdout.split() for n in numbers]
    assert [int(count) for count, _ in results] == numbers
    assert len({digest for _, digest in results}) == 1
