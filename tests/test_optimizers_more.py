"""The optimizers beside SGD, RMSprop and Adam: their arguments beside Keras's, and hyperparameters set later."""

import copy
import inspect
import os
import pickle

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")
jax = pytest.importorskip("jax")

from optimizer_runs import SHAPES, START, agree, at_once, by_keras, by_program, compare_state, variables  # noqa: E402

from pykernels import optimizers  # noqa: E402
from pykernels.graph import Trace, Variable, apply, passes  # noqa: E402

FTRL = {
    "learning_rate": 0.1,
    "initial_accumulator_value": 0.5,
    "l1_regularization_strength": 0.02,
    "l2_regularization_strength": 0.03,
    "l2_shrinkage_regularization_strength": 0.01,
    "beta": 0.1,
}
BETAS = {"learning_rate": 0.05, "beta_1": 0.8, "beta_2": 0.9}
# Every argument that Keras's constructor has (`test_every_argument_is_here`).
OPTIONS = [
    ("Adagrad", {"learning_rate": 0.1, "initial_accumulator_value": 0.3, "epsilon": 1e-2, "weight_decay": 0.02}),
    ("Adadelta", {"learning_rate": 1.0, "rho": 0.9, "epsilon": 1e-4, "clipnorm": 1.0}),
    ("Adamax", {**BETAS, "epsilon": 1e-2, "gradient_accumulation_steps": 3}),
    ("Nadam", {**BETAS, "epsilon": 1e-2, "gradient_accumulation_steps": 4, "weight_decay": 0.01}),
    ("Lion", {"learning_rate": 0.02, "beta_1": 0.8, "beta_2": 0.7, "weight_decay": 0.1}),
    ("Ftrl", FTRL),
    ("Ftrl", {**FTRL, "learning_rate_power": -0.3, "use_ema": True, "ema_momentum": 0.9}),
    ("ScheduleFreeAdamW", {**BETAS, "warmup_steps": 10, "epsilon": 1e-3, "weight_decay": 0.03}),
    ("Lamb", {**BETAS, "epsilon": 1e-3, "weight_decay": 0.01}),
    (
        "Adafactor",
        {
            "learning_rate": 0.5,
            "relative_step": False,
            "clip_threshold": 0.7,
            "beta_2_decay": -0.5,
            "epsilon_1": 1e-3,
            "epsilon_2": 0.9,
        },
    ),
    ("Muon", {}),
    (
        "Muon",
        {
            "learning_rate": 0.02,
            "nesterov": False,
            "rms_rate": None,
            "ns_steps": 3,
            "momentum": 0.8,
            "adam_lr_ratio": 2.0,
            "adam_weight_decay": None,
            "adam_beta_1": 0.8,
            "adam_beta_2": 0.9,
            "epsilon": 1e-2,
            "muon_a": 3.0,
            "muon_b": -4.0,
            "muon_c": 1.5,
            "weight_decay": 0.1,
        },
    ),
    ("Muon", {"exclude_layers": ["^w|variable"], "clipvalue": 0.5}),
    ("AdamW", {"weight_decay": 0.1, "amsgrad": True, "gradient_accumulation_steps": 2}),
    ("SGD", {"weight_decay": 0.1, "momentum": 0.9, "nesterov": True, "global_clipnorm": 1.0}),
]
OF_ALL = set(inspect.signature(keras.optimizers.Optimizer).parameters)
NAMES = sorted({name for name, _ in OPTIONS})


@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_fifty_steps(name, options):
    """Weights, slots and iterations after 50 steps on arrays, and by a program, agree with Keras's."""
    theirs = getattr(keras.optimizers, name)(**options)
    expected = by_keras(theirs)
    for run in (at_once, by_program):
        ours, ws = getattr(optimizers, name)(**options), variables()
        agree(run(ours, ws), expected)
        compare_state(ours, theirs, ws, expected)


def test_every_argument_is_here():
    """That they act is shown in test_arguments_objects.py."""
    for name in set(NAMES) - {"AdamW", "SGD"}:  # in test_optimizers.py
        own = set(inspect.signature(getattr(keras.optimizers, name)).parameters) - OF_ALL
        assert own <= {key for n, options in OPTIONS if n == name for key in options} | {"exclude_embeddings"}, name


def test_embeddings_are_excluded_from_muon():
    def step(**options):
        w = Variable(START[0], name="w")
        w.path = "my_embedding/embeddings"
        optimizers.Muon(0.1, **options).apply([np.ones(SHAPES[0], "float32")], [w])
        return w.numpy()

    assert not np.allclose(step(), step(exclude_embeddings=False))
    adam = Variable(START[0])
    optimizers.AdamW(0.1).apply([np.ones(SHAPES[0], "float32")], [adam])
    np.testing.assert_allclose(step(), adam.numpy(), rtol=1e-6)


def signature(cls):
    return [(p.name, p.default) for p in inspect.signature(cls).parameters.values()]


@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_configs_and_signatures(name, options):
    cls, keras_cls = getattr(optimizers, name), getattr(keras.optimizers, name)
    assert signature(cls) == signature(keras_cls)
    ours, theirs = cls(name="o", **options), keras_cls(name="o", **options)
    assert ours.get_config() == theirs.get_config()
    form = optimizers.serialize(ours)
    assert form == keras.optimizers.serialize(theirs)
    if name != "Lamb":  # which Keras's `deserialize` does not know
        assert keras.optimizers.deserialize(dict(form)).get_config() == ours.get_config()
    for again in (optimizers.deserialize(form), copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert type(again) is cls and again.get_config() == ours.get_config()


@pytest.mark.parametrize("name", NAMES)
def test_names_in_any_spelling(name):
    for spelling in (name, name.lower(), name.upper()):
        assert type(optimizers.get(spelling)) is getattr(optimizers, name)
    assert name in optimizers.__all__


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("Ftrl", {"initial_accumulator_value": -1.0}),
        ("Ftrl", {"learning_rate_power": 0.1}),
        ("Ftrl", {"l1_regularization_strength": -0.1}),
        ("Ftrl", {"l2_regularization_strength": -0.1}),
        ("Ftrl", {"l2_shrinkage_regularization_strength": -0.1}),
        ("Lion", {"beta_1": 0.0}),
        ("Lion", {"beta_1": 1.5}),
    ],
)
def test_errors_are_those_of_keras(name, options):
    with pytest.raises(ValueError) as theirs:
        getattr(keras.optimizers, name)(**options)
    with pytest.raises(ValueError) as ours:
        getattr(optimizers, name)(**options)
    assert str(ours.value) == str(theirs.value)


def test_nadam_of_keras_2():
    """Its momentums approach beta_1 by 0.96^(schedule_decay t)."""
    ours, w = optimizers.Nadam(lr=0.1, schedule_decay=0.004), Variable(np.float32([2.0]))
    value, m, v, product = 2.0, 0.0, 0.0, 1.0
    for t in range(1, 21):
        g = np.sin(t)
        now, then = (0.9 * (1 - 0.5 * 0.96 ** (0.004 * k)) for k in (t, t + 1))
        product *= now
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        step = (1 - now) * g / (1 - product) + then * m / (1 - product * then)
        value -= 0.1 * step / (np.sqrt(v / (1 - 0.999**t)) + 1e-7)
        ours.apply([np.float32([g])], [w])
    assert w.numpy()[0] == pytest.approx(value, rel=2e-5)
    assert optimizers.Nadam.from_config(ours.get_config()).schedule_decay == 0.004
    assert "schedule_decay" not in optimizers.Nadam().get_config()


# --- hyperparameters that are assigned later ------------------------------------------------------------------------
LATER = [
    ("SGD", {}, {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9}, {"nesterov": True}),
    ("SGD", {}, {"clipnorm": 0.5}),
    ("SGD", {}, {"weight_decay": np.float32(0.25)}),
    ("RMSprop", {}, {"momentum": 0.9}),
    ("RMSprop", {}, {"centered": True}),
    ("RMSprop", {}, {"rho": np.float32(0.5)}),
    ("Adam", {}, {"amsgrad": True}),
    ("Adam", {}, {"beta_1": 0.5}),
    ("Adam", {}, {"gradient_accumulation_steps": 2}),
    ("Adagrad", {}, {"epsilon": 0.5}),
    ("Lamb", {}, {"beta_2": 0.5}),
    ("Muon", {}, {"momentum": 0.5}),
]


@pytest.mark.parametrize(("name", "options", "change"), LATER)
def test_hyperparameters_assigned_later_act(name, options, change):
    """From the next step on, at once and in a program, which is recorded again."""
    results = []
    for how in ("at once", "by a program", "unchanged"):
        optimizer, ws = getattr(optimizers, name)(0.1, **options), variables()
        optimizer.build(ws)
        keys = set()
        for step in range(6):
            if step == 3 and how != "unchanged":
                for key, value in change.items():
                    setattr(optimizer, key, value)
            gradients = [np.sin(np.arange(np.prod(s)) * (step + 1)).reshape(s).astype("float32") for s in SHAPES]
            if how == "at once":
                optimizer.apply(gradients, ws)
                continue
            if (key := optimizer.program_key()) not in keys:
                keys.add(key)
                with Trace() as trace:
                    optimizer.apply([trace.placeholder(s, "float32", "g") for s in SHAPES], ws)
                program = trace.build()
            program.run(gradients)
        results.append([w.numpy() for w in ws])
    agree(results[0], results[1], 1e-6)
    assert any((a != b).any() for a, b in zip(results[1], results[2], strict=True))


def test_an_average_begins_with_the_weights_of_its_first_step():
    optimizer, w = optimizers.SGD(1.0, ema_momentum=0.5), Variable(np.float32([8.0]))
    optimizer.apply([np.float32([4.0])], [w])
    optimizer.use_ema = True
    optimizer.apply([np.float32([2.0])], [w])  # from 4 to 2
    optimizer.finalize_variable_values([w])
    assert w.numpy()[0] == 3.0


@pytest.mark.parametrize(
    ("name", "attribute", "value", "message"),
    [
        ("SGD", "momentum", 2.0, "`momentum` must be a float between"),
        ("Adam", "beta_1", 1.0, r"Adam: `beta_1` must be a number in \[0, 1\)"),
        ("Adam", "gradient_accumulation_steps", 1, "must be an integer >= 2"),
        ("Adam", "ema_momentum", -1.0, r"must be in the range \[0, 1\]"),
        ("Adagrad", "initial_accumulator_value", 0.5, "Adagrad: `initial_accumulator_value` has no effect once"),
        ("Ftrl", "initial_accumulator_value", 0.5, "Ftrl: `initial_accumulator_value` has no effect once"),
        ("Lion", "beta_1", 0.0, "degenerates to SignSGD"),
    ],
)
def test_values_that_cannot_act_are_refused(name, attribute, value, message):
    optimizer = getattr(optimizers, name)()
    optimizer.build(variables())
    with pytest.raises(ValueError, match=message):
        setattr(optimizer, attribute, value)


# --- one sweep ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "name", ["AdamW", "Adagrad", "Adadelta", "Adamax", "Nadam", "Lion", "Ftrl", "ScheduleFreeAdamW"]
)
def test_updates_are_fused_behind_the_gradient(name):
    """x^T dy and the update, its decay too, are one node; without the pass they agree."""
    x, dy = (np.random.default_rng(i).normal(size=s).astype("float32") for i, s in enumerate([(8, 4), (8, 3)]))
    results = []
    for disabled in (False, True):
        optimizer, w = getattr(optimizers, name)(0.1, weight_decay=0.1), Variable(START[0])
        optimizer.build([w])
        with Trace() as trace:
            a, b = (trace.placeholder(v.shape, "float32", "p") for v in (x, dy))
            optimizer.apply([apply("matmul", [a, b], transpose_a=True, transpose_b=False)], [w])
        if disabled:
            passes.disabled.add("fuse_weight_update")
        try:
            program = trace.build()
        finally:
            passes.disabled.discard("fuse_weight_update")
        updates = [row["op"] for row in program.describe() if row["op"].split()[0].endswith("_update")]
        assert len(updates) == 1 and updates[0].startswith("matmul_update") != disabled, updates
        assert not any(row["op"].startswith("assign") and tuple(row["shape"]) for row in program.describe())
        for _ in range(3):
            program.run([x, dy])
        results.append(w.numpy())
    np.testing.assert_allclose(*results, rtol=1e-5, atol=1e-6)
