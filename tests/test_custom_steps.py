"""Models that write their own steps: recorded once, they do what the built-in ones do."""

import warnings

import numpy as np
import pytest

import pykernels as pk
from pykernels import layers, losses, metrics, ops, optimizers
from pykernels.graph import GradientTape

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 6)).astype("float32"), RNG.normal(size=(40, 2)).astype("float32")
W = RNG.random(40).astype("float32")


def ends(seed=1):
    pk.utils.set_random_seed(seed)
    inputs = layers.Input((6,))
    hidden = layers.Dropout(0.2, seed=5)(layers.Dense(8, activation="relu")(inputs))
    return inputs, layers.Dense(2, kernel_regularizer="l2")(hidden)


class Own(pk.Model):
    """As Keras's guide writes it."""

    calls = 0

    def train_step(self, data):
        self.calls += 1
        x, y, weight = data if len(data) == 3 else (*data, None)
        with GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(y=y, y_pred=y_pred, sample_weight=weight)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss, sample_weight=x.shape[0])
            else:
                metric.update_state(y, y_pred)
        return {m.name: m.result() for m in self.metrics}


class OwnTest(Own):
    def test_step(self, data):
        x, y = data
        y_pred = self(x, training=False)
        self.compiled_loss_seen = self.compute_loss(y=y, y_pred=y_pred, training=False)
        return {"half": self.compiled_loss_seen / 2}

    def predict_step(self, data):
        return {"twice": 2 * self(data, training=False), "x": data}


def compiled(cls, **options):
    model = cls(*ends())
    model.compile(optimizers.Adam(0.01), "mse", metrics=["mae"], **options)
    return model


@pytest.mark.parametrize("weight", [None, W])
def test_the_guides_step_is_the_built_in_one(weight):
    found = []
    for cls in (pk.Model, Own):
        model = compiled(cls)
        history = model.fit(X, Y, 16, epochs=3, verbose=0, sample_weight=weight).history
        found.append((history, model.get_weights()))
    assert model.calls <= 4  # once for each signature, of which there are two, and again when metrics are built
    for name in ("loss", "mae"):
        np.testing.assert_allclose(found[0][0][name], found[1][0][name], rtol=1e-6)
    for a, b in zip(found[0][1], found[1][1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_python_runs_for_each_batch_when_asked():
    model = compiled(Own, run_eagerly=True)
    model.fit(X, Y, 16, epochs=2, verbose=0)
    assert model.calls == 6
    recorded = compiled(Own)
    recorded.fit(X, Y, 16, epochs=2, verbose=0)
    # other random numbers: those of a program depend on the step
    assert [w.shape for w in model.get_weights()] == [w.shape for w in recorded.get_weights()]


def test_steps_in_python_take_the_rows_in_the_order_of_the_epoch():
    class Seen(Own):
        def train_step(self, data):
            x, y = data
            seen.append((np.asarray(x), np.asarray(y)))
            return super().train_step(data)

    for shuffle in (True, False):
        seen = []
        compiled(Seen, run_eagerly=True).fit(X, Y, 16, shuffle=shuffle, verbose=0)
        x, y = (np.concatenate(parts) for parts in zip(*seen, strict=True))
        rows = [int(np.flatnonzero(np.equal(row, X).all(axis=1))[0]) for row in x]
        assert sorted(rows) == list(range(40)) and (rows != list(range(40))) == shuffle
        np.testing.assert_array_equal(y, Y[rows])


def test_a_step_that_needs_values_runs_in_python_and_says_so():
    class Branching(Own):
        def train_step(self, data):
            if float(ops.mean(data[0])) > 1e9:
                raise AssertionError
            return super().train_step(data)

    model = compiled(Branching)
    with pytest.warns(UserWarning, match=r"train_step\(\) of model .* cannot be recorded: .* runs in Python"):
        model.fit(X, Y, 20, epochs=2, verbose=0)
    assert model.calls >= 4
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compiled(Branching, run_eagerly=True).fit(X, Y, 20, verbose=0)


def test_steps_of_evaluation_and_prediction():
    model, plain = compiled(OwnTest), compiled(pk.Model)
    expected = plain.evaluate(X, Y, verbose=0)[0]
    assert model.evaluate(X, Y, batch_size=40, verbose=0, return_dict=True) == {
        "half": pytest.approx(expected / 2, rel=1e-6)
    }
    assert set(model.fit(X, Y, verbose=0, validation_data=(X, Y)).history) == {"loss", "mae", "val_half"}
    for predicted in (model.predict(X, batch_size=16, verbose=0), model.predict_on_batch(X)):
        np.testing.assert_allclose(predicted["twice"], 2 * model(X), rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(predicted["x"], X)


def test_super_steps_and_batches():
    class Calling(pk.Model):
        def train_step(self, data):
            return {**super().train_step(data), "more": ops.sum(data[1])}

        def test_step(self, data):
            return super().test_step(data)

    model, plain = compiled(Calling), compiled(pk.Model)
    a, b = model.train_on_batch(X, Y, return_dict=True), plain.train_on_batch(X, Y, return_dict=True)
    assert a.pop("more") == pytest.approx(float(Y.sum()), rel=1e-5)
    assert a == pytest.approx(b, rel=1e-6)
    assert model.test_on_batch(X, Y) == pytest.approx(plain.test_on_batch(X, Y), rel=1e-6)
    for v, w in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(v, w)


class GAN(pk.Model):
    """Two networks, two optimizers, no `call`, as in Keras's guide."""

    def __init__(self, discriminator, generator):
        super().__init__()
        self.discriminator, self.generator = discriminator, generator
        self.d_tracker, self.g_tracker = metrics.Mean(name="d_loss"), metrics.Mean(name="g_loss")

    @property
    def metrics(self):
        return [self.d_tracker, self.g_tracker]

    def compile(self, d_optimizer, g_optimizer, loss_fn):
        super().compile()
        self.d_optimizer, self.g_optimizer, self.loss_fn = d_optimizer, g_optimizer, loss_fn

    def train_step(self, real):
        real = real[0] if isinstance(real, tuple) else real
        batch = ops.shape(real)[0]
        fake = self.generator(pk.random.normal((batch, 3)))
        with GradientTape() as tape:
            predictions = self.discriminator(ops.concatenate([fake, real], axis=0))
            labels = ops.concatenate([ops.ones((batch, 1)), ops.zeros((batch, 1))], axis=0)
            d_loss = self.loss_fn(labels, predictions)
        weights = self.discriminator.trainable_weights
        self.d_optimizer.apply_gradients(zip(tape.gradient(d_loss, weights), weights, strict=True))
        with GradientTape() as tape:
            predictions = self.discriminator(self.generator(pk.random.normal((batch, 3))))
            g_loss = self.loss_fn(ops.zeros((batch, 1)), predictions)
        weights = self.generator.trainable_weights
        self.g_optimizer.apply_gradients(zip(tape.gradient(g_loss, weights), weights, strict=True))
        self.d_tracker.update_state(d_loss)
        self.g_tracker.update_state(g_loss)
        return {"d_loss": self.d_tracker.result(), "g_loss": self.g_tracker.result()}


@pytest.mark.parametrize("run_eagerly", [False, True])
def test_two_networks_with_an_optimizer_each(run_eagerly):
    pk.utils.set_random_seed(0)
    discriminator = pk.Sequential([layers.Input((6,)), layers.Dense(8, "relu"), layers.Dense(1)])
    generator = pk.Sequential([layers.Input((3,)), layers.Dense(8, "relu"), layers.Dense(6)])
    gan = GAN(discriminator, generator)
    gan.compile(optimizers.Adam(0.01), optimizers.Adam(0.01), losses.BinaryCrossentropy(from_logits=True))
    gan.run_eagerly = run_eagerly
    before = [w.copy() for w in gan.get_weights()]
    history = gan.fit(X, batch_size=20, epochs=4, verbose=0).history
    assert set(history) == {"d_loss", "g_loss"}
    assert history["d_loss"][-1] < history["d_loss"][0]
    assert all((a != b).any() for a, b in zip(before, gan.get_weights(), strict=True))
    assert int(gan.d_optimizer.iterations) == int(gan.g_optimizer.iterations) == 8


def test_steps_for_other_backends_are_refused_by_name():
    class Jax(pk.Model):
        def train_step(self, state, data):
            raise AssertionError

    model = compiled(Jax)
    with pytest.raises(NotImplementedError, match=r"Jax.train_step\(state, data\) is written for Keras on JAX"):
        model.fit(X, Y, verbose=0)


def test_results_must_be_a_dict():
    class Wrong(pk.Model):
        def train_step(self, data):
            return 3

    with pytest.raises(TypeError, match=r"train_step\(\) of model .* must return a dict"):
        compiled(Wrong).fit(X, Y, verbose=0)


class Compiled(pk.Model):
    """As tf.keras 2.2 to 2.15 wrote it."""

    def train_step(self, data):
        x, y = data
        with GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compiled_loss(y, y_pred, regularization_losses=self.losses)
        self.optimizer.minimize(loss, self.trainable_variables, tape=tape)
        self.compiled_metrics.update_state(y, y_pred)
        return {m.name: m.result() for m in self.metrics}


class Computed(pk.Model):
    """As tf.keras 2.9 to 2.15 wrote it: `compute_loss` keeps the metric "loss"."""

    def train_step(self, data):
        x, y = data
        with GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(x, y, y_pred)
        grads = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(grads, self.trainable_variables, strict=True))
        return self.compute_metrics(x, y, y_pred, None)


@pytest.mark.parametrize("cls", [Compiled, Computed])
def test_steps_of_tf_keras(cls):
    histories = []
    for kind in (pk.Model, cls):
        model = compiled(kind)
        histories.append(model.fit(X, Y, 20, epochs=3, verbose=0, validation_data=(X, Y)).history)
    want, have = histories
    assert list(have) == list(want)
    for name, values in want.items():
        np.testing.assert_allclose(have[name], values, rtol=1e-5)
    assert [m.name for m in model.compiled_metrics.metrics] == ["mae"]
    assert [m.name for m in model.compiled_loss.metrics] == ["loss"]
    assert float(model.compiled_metrics.result()["mae"]) == pytest.approx(want["val_mae"][-1], rel=1e-5)
    model.compiled_loss.reset_state()
    model.compiled_metrics.reset_state()
    assert model.get_metrics_result() == {"loss": 0.0, "mae": 0.0}
    assert pk.Model(*ends()).compiled_loss is None


def test_compiled_loss_needs_a_loss():
    model = pk.Model(*ends())
    model.compile("sgd")
    with pytest.raises(ValueError, match="no loss to optimize"):
        model.compiled_loss(Y, Y)


def test_optimizers_minimize():
    v = pk.Variable(3.0)
    optimizer = optimizers.SGD(0.1)
    assert int(optimizer.minimize(lambda: v * v, [v])) == 1
    assert float(v) == pytest.approx(2.4)
    with GradientTape() as tape:
        loss = v * v
    ((gradient, variable),) = optimizer.compute_gradients(loss, lambda: [v], grad_loss=10.0, tape=tape)
    assert (float(gradient), variable) == (pytest.approx(48.0), v)
    with pytest.raises(ValueError, match="`tape` is required"):
        optimizer.minimize(loss, [v])
    frozen = pk.Variable(lambda: np.float32(2.0), trainable=False)
    optimizer = optimizers.Adam(0.1)
    optimizer.minimize(lambda: frozen * frozen, frozen)
    assert float(frozen) == pytest.approx(1.9)


def test_a_loss_that_only_the_step_reports_is_shown():
    class Own(pk.Model):
        def train_step(self, data):
            return {"loss": ops.mean(data[0])}

    model = Own(*ends())
    model.compile("adam")
    assert model.fit(X, Y, 40, verbose=0).history == {"loss": [pytest.approx(float(X.mean()), rel=1e-4)]}
