"""compile(checkpoint_activations=True): the same numbers bit for bit, less memory."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pykernels as pk
from pykernels import ops
from pykernels.graph import Trace, Variable, apply_into, checkpoint, gradients

L = pk.layers
RNG = np.random.default_rng(0)
X = RNG.normal(size=(48, 32)).astype("float32")
Y = RNG.integers(0, 5, 48)


class Moving(L.Layer):
    """Centres by the mean of the batch, and keeps a moving average of it: what batch normalization does in training."""

    def build(self, shape):
        self.mean = self.add_weight(shape=(shape[-1],), initializer="zeros", trainable=False, name="mean")

    def call(self, x):
        mean = ops.mean(x, axis=0)
        before = self.mean * 0.1  # read before the update, used after it
        self.mean.assign(self.mean * 0.9 + mean * 0.1)
        return x - mean + before


def chain(depth=16):
    x = y = pk.Input((32,))
    for _ in range(depth):
        y = L.Dropout(0.2)(L.Dense(32, activation="gelu")(y))
    return pk.Model(x, L.Dense(5, activation="softmax")(y))


def residual(depth=12):
    x = y = pk.Input((32,))
    for _ in range(depth):
        y = y + L.Dense(32, activation="relu")(L.Dropout(0.1)(y))
    return pk.Model(x, L.Dense(5, activation="softmax")(y))


def moving(depth=10):
    x = y = pk.Input((32,))
    for _ in range(depth):
        y = Moving()(L.Dense(32, activation="tanh", kernel_regularizer="l2")(y))
    return pk.Model(x, L.Dense(5, activation="softmax")(y))


def normalized(depth=8):
    x = y = pk.Input((32,))
    for _ in range(depth):
        y = L.ReLU()(L.BatchNormalization(momentum=0.9)(L.Dense(32)(y)))
        y = L.LayerNormalization()(y)
    return pk.Model(x, L.Dense(5, activation="softmax")(y))


def shared(depth=10):
    x = y = pk.Input((32,))
    layer = L.Dense(32, activation="relu", activity_regularizer="l2")
    for _ in range(depth):
        y = L.GaussianNoise(0.01)(layer(y))
    return pk.Model(x, L.Dense(5, activation="softmax")(y))


def forked(depth=6):
    x = y = pk.Input((32,))
    first = None
    for i in range(depth):
        y = L.Reshape((32,))(L.Reshape((4, 8))(L.Dense(32, activation="elu")(y)))
        first = y if i == 1 else first
    return pk.Model(x, L.Dense(5, activation="softmax")(y * first))


def train(build, checkpointed, optimizer="adam"):
    pk.utils.set_random_seed(3)
    model = build()
    model.compile(
        optimizer,
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        checkpoint_activations=checkpointed,
    )
    history = model.fit(X, Y, batch_size=16, epochs=3, verbose=0).history
    return model, history


@pytest.mark.parametrize("build", [chain, residual, moving, normalized, shared, forked])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_the_same_bits_in_less_memory(build, optimizer):
    plain, want = train(build, False, optimizer)
    model, have = train(build, True, optimizer)
    assert have == want
    for v, x, y in zip(model.weights, model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(x, y, err_msg=v.name)
    assert model.memory(256).activations < plain.memory(256).activations
    for kind in ("test", "predict"):
        assert model.memory(256, kind) == plain.memory(256, kind)


def test_memory_grows_with_the_root_of_the_depth():
    """A value per layer is alive without; two roots of the depth with, and a few more in the layer at work."""
    batch, layer = 64, 64 * 32 * 4
    model, _ = train(lambda: chain(64), True)
    plain, _ = train(lambda: chain(64), False)
    assert plain.memory(batch).activations >= 2 * 64 * layer
    assert model.memory(batch).activations <= (3 * 8 + 8) * layer


def test_without_a_gain_the_program_stays(monkeypatch):
    monkeypatch.setattr(checkpoint, "_segment_counts", lambda saved: [])
    _, want = train(chain, False)
    model, have = train(chain, True)
    assert have == want
    assert model.memory(16).activations == train(chain, False)[0].memory(16).activations


def test_updates_run_once_and_values_read_before_an_update_are_kept():
    v = Variable(np.float32(2.0), trainable=False)
    w = Variable(RNG.normal(size=(8, 8)).astype("float32"))
    lr = Variable(np.float32(0.1))
    with Trace() as trace:
        x = trace.placeholder((64, 8))
        h = ops.matmul(x, w)
        scaled = h * v  # cannot be had again: v changes
        v.assign(v * 3.0)
        for _ in range(6):
            scaled = ops.tanh(scaled)
            h = ops.sin(scaled) * scaled
            scaled = h
        loss = ops.mean(h)
        trace.check_finite(loss)
        (g,) = gradients(loss, [w])
        apply_into("sgd_update", [g, lr], [w], momentum=0.0, nesterov=False)
    plain, again = trace.build([loss]), trace.build([loss], checkpoint=True)
    assert again.core.memory["alive"] < plain.core.memory["alive"]
    counts = [[row["op"] for row in p.describe()].count("assign") for p in (plain, again)]
    assert counts == [1, 1]
    data = [RNG.normal(size=(64, 8)).astype("float32")]
    results = []
    for program in (plain, again):
        before = w.numpy(), v.numpy()
        results.append((program.run(data)[0], w.numpy(), v.numpy()))
        w.assign(before[0])
        v.assign(before[1])
    for x, y in zip(*results, strict=True):
        np.testing.assert_array_equal(x, y)


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 100), st.integers(0, 100)), min_size=3, max_size=24))
def test_any_graph(steps):
    def build():
        x = pk.Input((32,))
        values = [x]
        for kind, first, second in steps:
            a, b = values[-1 - first % min(3, len(values))], values[second % len(values)]
            made = [
                lambda a, b: L.Dense(32, activation="relu")(a),
                lambda a, b: L.Dropout(0.3)(a),
                lambda a, b: a + b,
                lambda a, b: ops.tanh(a) * b,
                lambda a, b: Moving()(a),
                lambda a, b: L.Dense(32, activation="gelu")(a + b),
            ][kind](a, b)
            values.append(made)
        return pk.Model(x, L.Dense(5, activation="softmax")(values[-1]))

    plain, want = train(build, False, "sgd")
    model, have = train(build, True, "sgd")
    assert have == want
    for x, y in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(x, y)
    assert model.memory(64).lower_bound <= plain.memory(64).lower_bound
