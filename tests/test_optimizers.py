import copy
import os
import pickle

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")
jax = pytest.importorskip("jax")

from optimizer_runs import GRADIENTS, SHAPES, START, agree, at_once, by_keras, by_program, compare_state, variables  # noqa: E402

from pykernels import ops, optimizers  # noqa: E402
from pykernels.graph import Trace, Variable  # noqa: E402

OPTIONS = [
    ("SGD", {}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "nesterov": True}),
    ("RMSprop", {}),
    ("RMSprop", {"rho": 0.8, "epsilon": 1e-5}),
    ("RMSprop", {"momentum": 0.9}),
    ("RMSprop", {"centered": True}),
    ("RMSprop", {"centered": True, "momentum": 0.5}),
    ("Adam", {}),
    ("Adam", {"learning_rate": 0.05, "beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-3}),
    ("Adam", {"amsgrad": True}),
    ("AdamW", {}),
    ("SGD", {"weight_decay": 0.01}),
    ("Adam", {"weight_decay": 0.01}),
    ("SGD", {"clipnorm": 1.0}),
    ("Adam", {"clipvalue": 0.5}),
    ("SGD", {"global_clipnorm": 1.0, "momentum": 0.9}),
    ("RMSprop", {"global_clipnorm": 0.1}),
    ("Adam", {"use_ema": True, "ema_momentum": 0.9}),
    ("SGD", {"use_ema": True, "ema_overwrite_frequency": 7}),
    ("SGD", {"loss_scale_factor": 8.0}),
    ("SGD", {"gradient_accumulation_steps": 4}),
    ("Adam", {"gradient_accumulation_steps": 3, "clipnorm": 1.0}),
    ("RMSprop", {"gradient_accumulation_steps": 4, "momentum": 0.9, "weight_decay": 0.02}),
    ("Adam", {"gradient_accumulation_steps": 4, "use_ema": True, "ema_overwrite_frequency": 3, "amsgrad": True}),
]


def schedules(k):
    s = k.optimizers.schedules
    return {
        "exponential": s.ExponentialDecay(0.1, 10, 0.5),
        "staircase": s.ExponentialDecay(0.1, 10, 0.5, staircase=True),
        "inverse": s.InverseTimeDecay(0.1, 7, 0.5),
        "inverse staircase": s.InverseTimeDecay(0.1, 7, 0.5, staircase=True),
        "piecewise": s.PiecewiseConstantDecay([5, 20], [0.1, 0.05, 0.01]),
        "polynomial": s.PolynomialDecay(0.1, 30, 0.01, power=2.0),
        "cycle": s.PolynomialDecay(0.1, 20, 0.01, power=0.5, cycle=True),
        "cosine": s.CosineDecay(0.1, 30, alpha=0.1),
        "warmup": s.CosineDecay(0.0, 30, warmup_target=0.1, warmup_steps=10),
        "restarts": s.CosineDecayRestarts(0.1, 10),
        "restarts alike": s.CosineDecayRestarts(0.1, 10, t_mul=1.0, m_mul=0.8, alpha=0.1),
    }


class Ours:
    optimizers = optimizers


@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_fifty_steps(name, options):
    """Weights, slots and iterations after 50 steps on arrays, and by a program, agree with Keras's."""
    theirs = getattr(keras.optimizers, name)(**options)
    expected = by_keras(theirs)
    for run in (at_once, by_program):
        ours, ws = getattr(optimizers, name)(**options), variables()
        agree(run(ours, ws), expected)
        compare_state(ours, theirs, ws, expected)


@pytest.mark.parametrize("run", [at_once, by_program])
def test_constraints(run):
    agree(run(optimizers.SGD(0.1), variables(True)), by_keras(keras.optimizers.SGD(0.1), constrained=True))


@pytest.mark.parametrize("name", schedules(keras))
def test_schedules(name):
    ours, theirs = schedules(Ours)[name], schedules(keras)[name]
    theirs_at = jax.jit(theirs)
    for step in range(0, 60, 3):
        assert float(ours(step)) == pytest.approx(float(theirs_at(step)), rel=2e-5, abs=1e-8)
    assert ours.get_config() == theirs.get_config()
    form = optimizers.schedules.serialize(ours)
    assert form == keras.optimizers.schedules.serialize(theirs)
    assert optimizers.schedules.deserialize(form).get_config() == ours.get_config()


@pytest.mark.parametrize("run", [at_once, by_program])
@pytest.mark.parametrize("name", ["exponential", "piecewise", "warmup"])
def test_schedule_in_an_optimizer(name, run):
    ours, theirs = (k.optimizers.Adam(schedules(k)[name]) for k in (Ours, keras))
    agree(run(ours, variables()), by_keras(theirs))
    assert float(ours.learning_rate) == pytest.approx(float(theirs.learning_rate), rel=2e-5)
    config = ours.get_config()
    assert {k: v for k, v in config.items() if k != "name"} == {
        k: v for k, v in theirs.get_config().items() if k != "name"
    }
    again = optimizers.Adam.from_config(config)
    assert again.get_config() == config
    with pytest.raises(TypeError, match="not settable"):
        ours.learning_rate = 0.1


@pytest.mark.parametrize("run", [at_once, by_program])
def test_decay_of_keras_2(run):
    ours = optimizers.SGD(lr=0.1, decay=0.05)
    ws = run(ours, variables())
    expected = [w.copy() for w in START]
    for i, g in enumerate(GRADIENTS):
        expected = [w - 0.1 / (1 + 0.05 * i) * d for w, d in zip(expected, g, strict=True)]
    agree(ws, expected)
    assert float(ours.lr) == pytest.approx(0.1)
    assert ours.get_config()["decay"] == 0.05 and "decay" not in optimizers.SGD().get_config()


class Momentum(optimizers.Optimizer):
    """A user's optimizer, written with ops."""

    def __init__(self, learning_rate=0.01, beta=0.9, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.beta = beta

    def build(self, variables):
        super().build(variables)
        self.velocities = self.add_optimizer_variables(variables, "velocity")

    def update_step(self, gradient, variable, learning_rate):
        v = self.velocities[self._get_variable_index(variable)]
        self.assign(v, ops.add(ops.multiply(v, self.beta), gradient))
        variable.assign_sub(ops.multiply(v, learning_rate))

    def get_config(self):
        return {**super().get_config(), "beta": self.beta}


@pytest.mark.parametrize("run", [at_once, by_program])
@pytest.mark.parametrize("options", [{}, {"gradient_accumulation_steps": 4}, {"clipnorm": 1.0}])
def test_user_subclass(run, options):
    agree(
        run(Momentum(0.01, **options), variables()),
        by_keras(keras.optimizers.SGD(0.01, momentum=0.9, **options)),
        2e-5,
    )


def test_old_callable_names():
    for make in (lambda **k: Momentum(**k), optimizers.SGD, optimizers.RMSprop, optimizers.Adam):
        assert float(make(lr=0.5).learning_rate) == 0.5
        assert float(make(lr=1).learning_rate) == 1.0
    with pytest.raises(TypeError, match="both"):
        optimizers.Adam(0.1, lr=0.2)
    assert optimizers.Adam(epsilon=None).epsilon == 1e-7
    assert optimizers.sgd is optimizers.SGD


@pytest.mark.parametrize("run_in_program", [False, True])
def test_learning_rate_is_one_thing_and_can_be_set(run_in_program):
    optimizer = optimizers.SGD(0.5)
    w = Variable(np.zeros(2, "float32"))
    optimizer.build([w])
    with Trace() as trace:
        optimizer.apply([trace.placeholder((2,), "float32", "g")], [w])
    program = trace.build()
    g = np.ones(2, "float32")

    def step():
        program.run([g]) if run_in_program else optimizer.apply([g], [w])

    step()
    np.testing.assert_allclose(w.numpy(), -0.5)
    optimizer.lr = 0.25
    step()
    np.testing.assert_allclose(w.numpy(), -0.75)
    optimizer.learning_rate.assign(0.125)
    step()
    np.testing.assert_allclose(w.numpy(), -0.875)
    assert optimizer.lr is optimizer.learning_rate and optimizer.lr.dtype == "float32"
    assert int(optimizer.iterations) == 3 and optimizer.iterations.dtype == "int64"


def test_a_schedule_can_replace_the_learning_rate():
    optimizer = optimizers.SGD(0.5)
    key = optimizer.program_key()
    optimizer.learning_rate = optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)
    assert float(optimizer.learning_rate) == pytest.approx(0.1)
    assert len(optimizer.variables) == 1
    assert optimizer.program_key() != key


def test_a_plain_function_cannot_be_compiled_in():
    optimizer = optimizers.SGD(lambda: 0.1)
    w = Variable(np.zeros(2, "float32"))
    optimizer.apply([np.ones(2, "float32")], [w])
    np.testing.assert_allclose(w.numpy(), -0.1)
    with Trace() as trace, pytest.raises(ValueError, match="LearningRateSchedule"):
        optimizer.apply([trace.placeholder((2,), "float32", "g")], [w])


@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_configs(name, options):
    ours, theirs = getattr(optimizers, name)(name="o", **options), getattr(keras.optimizers, name)(name="o", **options)
    assert ours.get_config() == theirs.get_config()
    form = optimizers.serialize(ours)
    assert form == keras.optimizers.serialize(theirs)
    assert optimizers.deserialize(form).get_config() == ours.get_config()
    assert keras.optimizers.deserialize(form).get_config() == ours.get_config()


@pytest.mark.parametrize("name", ["sgd", "SGD", "adam", "Adam", "ADAM", "rmsprop", "RMSprop", "rmsProp", "adamw"])
def test_get_by_name(name):
    assert type(optimizers.get(name)).__name__ == type(keras.optimizers.get(name)).__name__


def test_get():
    assert optimizers.get(None) is None
    adam = optimizers.Adam()
    assert optimizers.get(adam) is adam
    got = optimizers.get({"class_name": "SGD", "config": {"learning_rate": 0.25}})
    assert float(got.learning_rate) == 0.25
    with pytest.raises(ValueError, match="Did you mean 'Adam'"):
        optimizers.get("adaam")


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (lambda k: k.optimizers.get("foo"), "Could not interpret optimizer identifier: foo"),
        (lambda k: k.optimizers.get(3), "Could not interpret"),
        (lambda k: k.optimizers.get({"class_name": "foo", "config": {}}), "Could not interpret"),
        (lambda k: k.optimizers.SGD(1), "learning_rate"),
        (lambda k: k.optimizers.SGD("a"), "learning_rate"),
        (lambda k: k.optimizers.SGD(0.1, momentum=2.0), "momentum"),
        (lambda k: k.optimizers.SGD(0.1, speed=2.0), "speed"),
        (lambda k: k.optimizers.Adam(clipnorm=1.0, clipvalue=1.0), "Only one"),
        (lambda k: k.optimizers.Adam(use_ema=True, ema_momentum=2.0), "ema_momentum"),
        (lambda k: k.optimizers.Adam(use_ema=True, ema_overwrite_frequency=0.5), "ema_overwrite_frequency"),
        (lambda k: k.optimizers.Adam(gradient_accumulation_steps=1), "gradient_accumulation_steps"),
        (lambda k: k.optimizers.AdamW(weight_decay=None), "weight_decay"),
        (lambda k: k.optimizers.Adam().apply([np.ones(2)]), "built"),
        (lambda k: k.optimizers.Adam().set_weights([]), "built"),
        (lambda k: k.optimizers.Adam().apply([None], [k.Variable(np.ones(2))]), "No gradients"),
        (lambda k: k.optimizers.schedules.ExponentialDecay(0.1, 0, 0.5), "decay_steps"),
        (lambda k: k.optimizers.schedules.PiecewiseConstantDecay([1], [0.1]), "boundaries"),
        (lambda k: k.optimizers.schedules.LearningRateSchedule()(1), "__call__"),
        (lambda k: k.optimizers.schedules.LearningRateSchedule().get_config(), "get_config"),
        (lambda k: k.optimizers.Optimizer(0.1).update_step(1, 1, 1), None),
    ],
)
def test_errors_are_of_the_types_of_keras(bad, message):
    class Mine:
        optimizers = optimizers
        Variable = Variable

    with pytest.raises(Exception) as theirs:
        bad(keras)
    with pytest.raises(theirs.type, match=message):
        bad(Mine)


def test_unknown_variable_and_missing_gradient():
    optimizer = optimizers.SGD(0.1)
    a, b = variables()
    with pytest.warns(UserWarning, match="w1"):
        optimizer.apply([GRADIENTS[0][0], None], [a, b])
    np.testing.assert_array_equal(b.numpy(), START[1])
    with pytest.raises(ValueError, match="Unknown variable: other"):
        optimizer.apply([np.ones(2)], [Variable(np.ones(2, "float32"), name="other")])
    with pytest.raises(ValueError, match="1 gradients for 2 variables"):
        optimizer.apply([GRADIENTS[0][0]], [a, b])


def test_excluded_from_weight_decay():
    optimizer = optimizers.SGD(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["w1"])
    ws = variables()
    optimizer.apply([np.zeros(s, "float32") for s in SHAPES], ws)
    np.testing.assert_allclose(ws[0].numpy(), START[0] * 0.95, rtol=1e-6)
    np.testing.assert_array_equal(ws[1].numpy(), START[1])
    with pytest.raises(ValueError, match="before the optimizer is built"):
        optimizer.exclude_from_weight_decay(var_names=["w0"])


def test_state_is_saved_set_copied_and_pickled():
    ws = variables()
    optimizer = optimizers.Adam(0.1)
    at_once(optimizer, ws, 5)
    store = {}
    optimizer.save_own_variables(store)
    assert len(store) == len(optimizer.variables) == 6
    copies = [copy.deepcopy((optimizer, ws)), pickle.loads(pickle.dumps((optimizer, ws)))]
    fresh = optimizers.Adam(0.1)
    fresh_ws = [Variable(w.numpy()) for w in ws]
    fresh.build(fresh_ws)
    fresh.load_own_variables(store)
    copies.append((fresh, fresh_ws))
    weighted = optimizers.Adam(0.1)
    weighted_ws = [Variable(w.numpy()) for w in ws]
    weighted.build(weighted_ws)
    weighted.set_weights(optimizer.get_weights())
    copies.append((weighted, weighted_ws))
    optimizer.apply(GRADIENTS[7], ws)
    for other, other_ws in copies:
        other.apply(GRADIENTS[7], other_ws)
        assert int(other.iterations) == 6
        for a, b in zip(ws, other_ws, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())
    with pytest.raises(ValueError, match="6 variables"):
        fresh.set_weights([])
    with pytest.warns(UserWarning, match="Skipping variable loading"):
        fresh.load_own_variables({})


def test_float64_variables():
    w = Variable(np.ones(3), dtype="float64")
    optimizers.Adam(0.1).apply([np.full(3, 2.0)], [w])
    np.testing.assert_allclose(w.numpy(), 0.9, rtol=1e-6)


def test_scale_loss():
    assert optimizers.SGD().scale_loss(3.0) == 3.0
    assert optimizers.SGD(loss_scale_factor=4.0).scale_loss(3.0) == 12.0
