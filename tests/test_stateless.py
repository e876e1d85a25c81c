"""Layers, metrics and optimizers with their state as values, as Keras's guides for JAX use them; K.function."""

import numpy as np
import pytest

import pykernels as pk
from pykernels import backend as K  # noqa: N812
from pykernels import layers, losses, metrics, ops, optimizers
from pykernels.graph import StatelessScope, Variable

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(16, 5)).astype("float32"), RNG.normal(size=(16, 2)).astype("float32")
OPTIMIZERS = {
    "adam": lambda: optimizers.Adam(0.05, weight_decay=0.01),
    "momentum": lambda: optimizers.SGD(0.05, momentum=0.9, clipnorm=1.0),
    "ema": lambda: optimizers.RMSprop(0.01, use_ema=True),
}


def network():
    pk.utils.set_random_seed(2)
    return pk.Sequential(
        [
            layers.Input((5,)),
            layers.Dense(4, "relu", kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.Dense(2),
        ]
    )


@pytest.mark.parametrize("wrap", [lambda f: f, pk.function], ids=["eager", "recorded"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_loop_without_state_is_the_loop_with_state(name, wrap):
    model, optimizer = network(), OPTIMIZERS[name]()
    optimizer.build(model.trainable_variables)
    loss_fn, metric = losses.MeanSquaredError(), metrics.MeanAbsoluteError()
    start = [w.copy() for w in model.get_weights()]

    def compute_loss(trainable, rest, mean, x, y):
        y_pred, rest, extra = model.stateless_call(trainable, rest, x, training=True, return_losses=True)
        mean = metric.stateless_update_state(mean, y, y_pred)
        return loss_fn(y, y_pred) + sum(extra), (rest, mean)

    @wrap
    def step(state, x, y):
        trainable, rest, slots, mean = state
        gradient = pk.value_and_grad(compute_loss, has_aux=True)
        (loss, (rest, mean)), grads = gradient(trainable, rest, mean, x, y)
        trainable, slots = optimizer.stateless_apply(slots, grads, trainable)
        return loss, (trainable, rest, slots, mean)

    groups = (model.trainable_variables, model.non_trainable_variables, optimizer.variables)
    state = (*([v.value for v in group] for group in groups), metric.stateless_reset_state())
    losses_seen = []
    for _ in range(4):
        loss, state = step(state, X, Y)
        losses_seen.append(float(loss))
    assert int(optimizer.iterations) == 0
    for before, now in zip(start, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, now)

    plain = network()
    plain.compile(OPTIMIZERS[name](), "mse", metrics=["mae"])
    expected, errors = [], []
    for _ in range(4):
        found = plain.train_on_batch(X, Y, return_dict=True)
        expected.append(found["loss"])
        errors.append(found["mae"])
    np.testing.assert_allclose(losses_seen, expected, rtol=1e-4)
    assert float(metric.stateless_result(state[3])) == pytest.approx(np.mean(errors), rel=1e-4)
    for given, variable in zip(
        [*state[0], *state[1]], plain.trainable_variables + plain.non_trainable_variables, strict=True
    ):
        np.testing.assert_allclose(given, variable.numpy(), rtol=1e-3, atol=1e-5)
    assert int(state[2][0]) == 4


def test_stateless_compute_loss():
    model = network()
    model.compile("sgd", "mse")
    zeros = [np.zeros(v.shape, "float32") for v in model.trainable_variables]
    rest, tallies = [v.value for v in model.non_trainable_variables], [v.value for v in model.metrics_variables]
    loss, state = model.stateless_compute_loss(zeros, rest, tallies, x=X, y=Y, y_pred=ops.convert_to_tensor(Y + 1))
    assert float(loss) == pytest.approx(1.0, rel=1e-5)  # without the weights' own, which are 0 here
    assert [len(s) for s in state] == [len(zeros), len(rest), len(model.metrics_variables)]


def test_what_does_not_fit_is_told():
    model, metric, optimizer = network(), metrics.Mean(), optimizers.SGD()
    with pytest.raises(ValueError, match=r"`trainable_variables` must be a list .* length 0, but expected 6"):
        model.stateless_call([], [], X)
    with pytest.raises(ValueError, match="must be built"):
        layers.Dense(2).stateless_call([], [], X)
    with pytest.raises(ValueError, match="`metric_variables` must be a list"):
        metric.stateless_update_state([0.0], 1.0)
    with pytest.raises(ValueError, match="`stateless_apply`, SGD must be built"):
        optimizer.stateless_apply([], [], [])
    v = Variable(np.zeros(2, "float32"), name="v")
    with pytest.raises(ValueError, match="'v' has shape"):
        StatelessScope([(v, np.zeros(3))])


def test_a_scope_keeps_what_is_assigned():
    v, w = Variable(1.0), Variable(2.0)
    with StatelessScope([(v, 5.0)]) as scope:
        v.assign_add(w)
        w.assign_sub(0.5)
        assert (float(v), w.numpy(), int(v.value)) == (7.0, 1.5, 7)
    assert (float(v), float(w)) == (1.0, 2.0)
    assert [float(scope.get_current_value(x)) for x in (v, w)] == [7.0, 1.5]


# --- K.function, K.gradients ---------------------------------------------------------------------------------
def convnet():
    pk.utils.set_random_seed(4)
    return pk.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(3, 3, activation="relu", name="block"),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(2, activation="softmax"),
        ]
    )


IMAGES = RNG.random((3, 8, 8, 1)).astype("float32")


def test_function_of_layers():
    model = convnet()
    run = K.function([model.layers[0].input, K.learning_phase()], [model.layers[2].output])
    (kept,), (dropped,) = run([IMAGES, 0]), run([IMAGES, 1])
    np.testing.assert_allclose(kept, np.array(model.layers[0](IMAGES)).reshape(3, -1), rtol=1e-5)
    assert type(kept) is np.ndarray
    assert (dropped == 0).mean() > (kept == 0).mean() + 0.1
    assert K.function(model.input, model.output)(IMAGES).shape == (3, 2)
    with pytest.raises(ValueError, match="2 inputs was called with 1"):
        run([IMAGES])
    with pytest.raises(NotImplementedError, match="`updates`"):
        K.function([model.input], [model.output], updates=[(1, 2)])


def test_gradients_of_images_layers_and_weights():
    model = convnet()
    block = model.get_layer("block")
    chosen = model.output[:, 1]
    (to_image,) = K.gradients(chosen, model.input)
    to_block, nothing = K.gradients(K.mean(block.output), [block.output, model.layers[-1].kernel])
    assert nothing is None
    to_weights = K.gradients(chosen, model.trainable_weights)
    scaled = to_image / (K.sqrt(K.mean(K.square(to_image))) + 1e-5)
    image, scale, hidden, *weights = K.function([model.input], [to_image, scaled, to_block, *to_weights])([IMAGES])
    x = ops.convert_to_tensor(IMAGES)
    with pk.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = model(x)[:, 1]
    expected = tape.gradient(y, x).numpy()
    np.testing.assert_allclose(image, expected, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(scale, expected / (np.sqrt(np.mean(expected**2)) + 1e-5), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(hidden, np.full((3, 6, 6, 3), 1 / (3 * 6 * 6 * 3)), rtol=1e-5)
    for given, g in zip(weights, tape.gradient(y, model.trainable_weights), strict=True):
        np.testing.assert_allclose(given, g, rtol=1e-3, atol=1e-6)
    saliency = pk.Model(model.input, to_image)
    np.testing.assert_allclose(saliency(IMAGES), expected, rtol=1e-4, atol=1e-7)
    with pytest.raises(RuntimeError, match="GradientTape"):
        K.gradients(y, x)


def test_learning_phase():
    dropout = layers.Dropout(0.5)
    ones = np.ones((4, 50), "float32")
    try:
        K.set_learning_phase(1)
        assert K.learning_phase() == 1
        assert (np.asarray(dropout(ones)) == 0).any()
        assert not (np.asarray(dropout(ones, training=False)) == 0).any()
        K.set_learning_phase(0)
        assert not (np.asarray(dropout(ones)) == 0).any()
        with pytest.raises(ValueError, match="0 or 1"):
            K.set_learning_phase(2)
    finally:
        K.clear_session()
    assert K.learning_phase() == 0


# --- add_loss and add_metric of Keras 2 ----------------------------------------------------------------------
def test_a_loss_and_a_metric_added_to_a_functional_model():
    pk.utils.set_random_seed(1)
    inputs = layers.Input((5,))
    hidden = layers.Dense(3)(inputs)
    side = layers.Dense(1, name="side")(hidden)
    model = pk.Model(inputs, layers.Dense(5)(hidden))
    model.add_loss(K.mean(K.square(inputs - model.output)) + K.mean(side))
    model.add_metric(K.sum(hidden), name="total", aggregation="mean")
    model.compile(optimizers.SGD(0.1))
    outputs = model.predict(X, verbose=0)
    before = model.evaluate(X, verbose=0, return_dict=True)
    assert "side" in [layer.name for layer in model.layers]
    hidden_now = X @ model.layers[1].kernel.numpy()
    side_now = hidden_now @ model.get_layer("side").kernel.numpy()
    assert before["loss"] == pytest.approx(np.mean((X - outputs) ** 2) + side_now.mean(), rel=1e-4)
    assert before["total"] == pytest.approx(hidden_now.sum(), rel=1e-3)
    history = model.fit(X, epochs=5, verbose=0, validation_data=(X, None)).history
    assert history["val_loss"][-1] < history["loss"][0]
    assert set(history) == {"loss", "total", "val_loss", "val_total"}
    with pytest.raises(ValueError, match="not connected"):
        model.add_loss(K.mean(layers.Dense(1)(layers.Input((2,)))))


def test_a_metric_added_in_call():
    class Watched(layers.Layer):
        def __init__(self):
            super().__init__()
            self.accuracy = metrics.MeanSquaredError(name="own")

        def call(self, x):
            self.add_metric(ops.mean(x), name="mean")
            self.add_metric(self.accuracy(x, x + 1.0), name="own")
            return x

    model = pk.Sequential([layers.Input((5,)), Watched(), layers.Dense(2)])
    model.compile("sgd", "mse")
    result = model.evaluate(X, Y, verbose=0, batch_size=16, return_dict=True)
    assert result["mean"] == pytest.approx(X.mean(), rel=1e-4)
    assert result["own"] == pytest.approx(1.0, rel=1e-5)
    assert set(model.fit(X, Y, verbose=0).history) == {"loss", "mean", "own"}
    with pytest.raises(ValueError, match=r"'mean'\. Received: 'sum'"):
        model.layers[0].add_metric(1.0, "x", "sum")
    with pytest.raises(ValueError, match="provide a name"):
        model.layers[0].add_metric(1.0)


def test_the_loop_of_keras_s_guide_for_jax():
    """The same code with `jax` and Keras, and with pykernels: values to rounding."""
    keras = pytest.importorskip("keras")
    jax = pytest.importorskip("jax")
    found = []
    for k, value_and_grad, wrap in ((keras, jax.value_and_grad, jax.jit), (pk, pk.value_and_grad, pk.function)):
        model = k.Sequential(
            [
                k.layers.Input((5,)),
                k.layers.Dense(4, "tanh", kernel_regularizer="l2"),
                k.layers.BatchNormalization(),
                k.layers.Dense(2),
            ]
        )
        model.set_weights(network().get_weights())
        optimizer, metric = k.optimizers.Adam(0.05), k.metrics.MeanAbsoluteError()
        optimizer.build(model.trainable_variables)
        loss_fn = k.losses.MeanSquaredError()

        def compute(trainable, rest, tallies, model=model, metric=metric, loss_fn=loss_fn):
            y_pred, rest, losses = model.stateless_call(trainable, rest, X, training=True, return_losses=True)
            return loss_fn(Y, y_pred) + sum(losses), (rest, metric.stateless_update_state(tallies, Y, y_pred))

        gradient = value_and_grad(compute, has_aux=True)

        @wrap
        def step(state, gradient=gradient, optimizer=optimizer):
            trainable, rest, slots, tallies = state
            (loss, (rest, tallies)), grads = gradient(trainable, rest, tallies)
            trainable, slots = optimizer.stateless_apply(slots, grads, trainable)
            return loss, (trainable, rest, slots, tallies)

        groups = (model.trainable_variables, model.non_trainable_variables, optimizer.variables, metric.variables)
        state, seen = tuple([v.value for v in group] for group in groups), []
        for _ in range(4):
            loss, state = step(state)
            seen.append(float(loss))
        found.append((seen, float(metric.stateless_result(state[3])), [np.asarray(v) for v in (*state[0], *state[1])]))
    (losses_a, mean_a, weights_a), (losses_b, mean_b, weights_b) = found
    np.testing.assert_allclose(losses_b, losses_a, rtol=1e-5)
    assert mean_b == pytest.approx(mean_a, rel=1e-5)
    for a, b in zip(weights_a, weights_b, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-5)
