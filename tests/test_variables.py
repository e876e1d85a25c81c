"""Writing variables: programs that keep weights packed see every write, by whatever way it comes."""

import numpy as np
import pytest

from pykernels import layers, models, ops, optimizers, utils
from pykernels.graph import Source, Trace, Variable
from pykernels.ops.optimizer import sgd_update

# Large enough for the kernels to keep these weights packed (asserted below).
DENSE = ((64, 96), (96, 64))
CONV = ((4, 12, 12, 16), (3, 3, 16, 32))


def reading_program(kind, rng):
    """A program that only reads a weight, packed; the weight, and an input."""
    x_shape, w_shape = DENSE if kind == "dense" else CONV
    weight = Variable(rng.normal(size=w_shape).astype("float32"), name="w")
    with Trace() as trace:
        x = trace.placeholder(x_shape)
        y = ops.matmul(x, weight) if kind == "dense" else ops.conv(x, weight, padding="same")
    program = trace.build([y])
    assert program.core.memory["prepared"] >= weight.array.nbytes
    return program, weight, rng.normal(size=x_shape).astype("float32")


def effect(weight, record):
    """A program that records an effect on the weight."""
    with Trace() as trace:
        record(weight)
    return trace.build()


def by_update(weight, _):
    with Trace() as trace:
        sgd_update(trace.placeholder(weight.shape), 0.5, weight)
    trace.build().run([np.ones(weight.shape, "float32")])


def by_batches(weight, _):
    with Trace() as trace:
        row = trace.placeholder((1, 3))
        weight.assign_add(weight * 0.0 + ops.sum(row))
    trace.build().run_batches([Source(np.ones((4, 3), "float32"), "float32")], 1, 0, 4)


def by_view(weight, value):
    with weight.storage.write() as array:
        array[...] = value


WAYS = {
    "assign": lambda weight, value: weight.assign(value),
    "assign_add": lambda weight, value: weight.assign_add(value),
    "assign_sub": lambda weight, value: weight.assign_sub(value),
    "storage.assign": lambda weight, value: weight.storage.assign(value),
    "storage.write": by_view,
    "op at once": lambda weight, value: sgd_update(value, 1.0, weight),
    "assign in a program": lambda weight, value: effect(weight, lambda w: w.assign(value)).run([]),
    "assign_add in a program": lambda weight, value: effect(weight, lambda w: w.assign_add(value)).run([]),
    "profile": lambda weight, value: effect(weight, lambda w: w.assign(value)).profile([], 1),
    "optimizer update": by_update,
    "run_batches": by_batches,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_packed_weights_follow_every_write(kind, way):
    rng = np.random.default_rng(0)
    program, weight, x = reading_program(kind, rng)
    before = program.run([x])[0]
    np.testing.assert_array_equal(program.run([x])[0], before)
    old, version = weight.numpy(), weight.storage.version
    WAYS[way](weight, rng.normal(size=weight.shape).astype("float32"))
    assert weight.storage.version > version
    assert not np.array_equal(weight.numpy(), old)
    after = program.run([x])[0]
    expected = ops.matmul(x, weight.numpy()) if kind == "dense" else ops.conv(x, weight.numpy(), padding="same")
    np.testing.assert_allclose(after, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    assert np.abs(after - before).max() > 0.1


def model_of(kind):
    utils.set_random_seed(5)
    if kind == "dense":
        stack = [layers.Input((96,)), layers.Dense(64, name="packed"), layers.Dense(3)]
    else:
        stack = [layers.Input((12, 12, 16)), layers.Conv2D(32, 3, padding="same", name="packed"), layers.Flatten()]
        stack += [layers.Dense(3)]
    model = models.Sequential(stack)
    model.compile(optimizers.SGD(0.1), "mse")
    return model


def load(suffix):
    def write(model, other, x, tmp_path):
        other.save_weights(tmp_path / f"w{suffix}")
        model.load_weights(tmp_path / f"w{suffix}")

    return write


MODEL_WAYS = {
    "set_weights": lambda model, other, x, _: model.set_weights(other.get_weights()),
    "layer.set_weights": lambda model, other, x, _: model.get_layer("packed").set_weights(
        other.get_layer("packed").get_weights()
    ),
    "weights of .weights.h5": load(".weights.h5"),
    "weights of .h5": load(".h5"),
    "fit": lambda model, other, x, _: model.fit(x, np.ones((len(x), 3), "float32"), epochs=2, verbose=0),
    "train_on_batch": lambda model, other, x, _: model.train_on_batch(x, np.ones((len(x), 3), "float32")),
}


@pytest.mark.parametrize("way", MODEL_WAYS)
@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_predictions_follow_every_write(kind, way, tmp_path):
    model, other = model_of(kind), model_of(kind)
    other.set_weights([w + 0.5 for w in other.get_weights()])
    x = np.random.default_rng(1).normal(size=(64, *model.input_shape[1:])).astype("float32")
    before = model.predict(x, verbose=0, batch_size=64)
    MODEL_WAYS[way](model, other, x, tmp_path)
    after = model.predict(x, verbose=0, batch_size=64)
    fresh = model_of(kind)  # has no programs yet
    fresh.set_weights(model.get_weights())
    np.testing.assert_array_equal(after, fresh.predict(x, verbose=0, batch_size=64))
    assert np.abs(after - before).max() > 0.01


def test_zeros_after_a_prediction():
    model = model_of("conv")
    x = np.ones((64, 12, 12, 16), "float32")
    assert np.abs(model.predict(x, verbose=0)).max() > 0
    model.set_weights([np.zeros_like(w) for w in model.get_weights()])
    assert np.abs(model.predict(x, verbose=0)).max() == 0


def test_arrays_of_variables_are_read_only():
    v = Variable(np.arange(6.0, dtype="float32").reshape(2, 3))
    for array in (v.array, v.storage.array):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1
        with pytest.raises(ValueError, match="WRITEABLE"):
            array.flags.writeable = True
    with v.storage.write() as array:
        array[0, 0] = 7
    assert v.numpy()[0, 0] == 7
    with pytest.raises(ValueError, match="read-only"):
        array[0, 0] = 1


def test_a_write_that_fails_counts():
    v = Variable(np.zeros(3, "float32"))
    version = v.storage.version
    with pytest.raises(RuntimeError, match="halfway"), v.storage.write() as array:
        array[0] = 1
        raise RuntimeError("halfway")
    assert v.storage.version == version + 1
