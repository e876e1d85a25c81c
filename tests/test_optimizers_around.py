"""Optimizers around others (LossScaleOptimizer, MultiOptimizer), those of TensorFlow 1, and state in files."""

import copy
import os
import sys

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")
jax = pytest.importorskip("jax")
h5py = pytest.importorskip("h5py")

from optimizer_runs import GRADIENTS, SHAPES, START, agree, variables  # noqa: E402

import pykernels as pk  # noqa: E402
from pykernels import compat, layers, models, optimizers  # noqa: E402
from pykernels.graph import Trace, Variable  # noqa: E402


# --- LossScaleOptimizer ---------------------------------------------------------------------------------------------
def scaled_gradients(steps=12):
    """Some of them with infinities, for which the scale is halved and nothing is updated."""
    made = [[g.copy() for g in gs] for gs in GRADIENTS[:steps]]
    made[3][0][0, 0] = np.inf
    made[7][1][2] = np.nan
    return made


@pytest.mark.parametrize("in_a_program", [False, True])
def test_loss_scale_optimizer(in_a_program):
    ours, theirs = (
        k.optimizers.LossScaleOptimizer(k.optimizers.Adam(0.1), initial_scale=64.0, dynamic_growth_steps=3)
        for k in (pk, keras)
    )
    ws, kept = variables(), [keras.Variable(w) for w in START]
    assert float(ours.scale_loss(np.float32(2.0))) == 128.0
    ours.build(ws)
    theirs.build(kept)
    step = jax.jit(theirs.stateless_apply)
    values, state = [w.value for w in kept], [v.value for v in theirs.variables]
    with Trace() as trace:
        ours.apply([trace.placeholder(s, "float32", "g") for s in SHAPES], ws)
    program = trace.build()
    for gradients in scaled_gradients():
        values, state = step(state, gradients, values)
        program.run(gradients) if in_a_program else ours.apply(gradients, ws)
        assert float(ours.dynamic_scale) == float(state[3]) and int(ours.step_counter) == int(state[2])
    agree([w.numpy() for w in ws], [np.asarray(v) for v in values])
    agree([v.numpy() for v in ours.variables[4:]], [np.asarray(v) for v in state[4:]])
    assert int(ours.iterations) == int(state[4]) == 10
    scale = float(ours.dynamic_scale)
    assert float(ours.scale_loss(np.float32(2.0))) == 2 * scale


def test_loss_scale_optimizer_of_a_model():
    """Training with it is training without it: the scale is a power of two."""
    x = np.random.default_rng(0).normal(size=(32, 3)).astype("float32")
    results = []
    for wrap in (lambda o: o, optimizers.LossScaleOptimizer):
        pk.utils.set_random_seed(1)
        model = models.Sequential([layers.Input((3,)), layers.Dense(2)])
        model.compile(wrap(optimizers.SGD(0.1, momentum=0.9)), "mse")
        model.fit(x, x[:, :2], epochs=2, batch_size=8, shuffle=False, verbose=0)
        results.append(model.get_weights())
    agree(*results, 1e-5)
    assert int(model.optimizer.step_counter) == 8
    model.optimizer.learning_rate = 0.5
    assert float(model.optimizer.inner_optimizer.learning_rate) == 0.5


def test_arguments_of_loss_scale_optimizer():
    for arguments in ({"dynamic": False}, {"clipnorm": 1.0}, {"speed": 1}):
        with pytest.raises(ValueError) as theirs:
            keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(), **arguments)
        with pytest.raises(ValueError) as ours:
            optimizers.LossScaleOptimizer(optimizers.SGD(), **arguments)
        assert str(ours.value) == str(theirs.value)
    made = optimizers.LossScaleOptimizer(optimizers.SGD(0.5), 8.0, 4, name="o", dynamic=True)
    form = optimizers.serialize(made)
    assert form == keras.optimizers.serialize(
        keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.5, name=made.inner_optimizer.name), 8.0, 4, name="o")
    )
    assert optimizers.deserialize(form).get_config() == made.get_config()


# --- MultiOptimizer -------------------------------------------------------------------------------------------------
def some(library):
    o = library.optimizers
    return o.OptimizerMap(o.Adam(0.1), {".*first/.*": o.SGD(0.2, momentum=0.9)})


def test_optimizer_map():
    made = some(pk)
    assert type(made["first/kernel"]) is optimizers.SGD and type(made["second/kernel"]) is optimizers.Adam
    made["first/kernel"] = optimizers.Lion()
    assert type(made["first/kernel"]) is optimizers.Lion and len(made) == 2 and next(iter(made)) == ".*first/.*"
    made["fir.*"] = optimizers.RMSprop()
    for bad, message in (
        (lambda: made["first/bias"], "Multiple optimizers assigned"),
        (lambda: made.__setitem__("fir.*", optimizers.SGD()), "already exists"),
        (lambda: made.__setitem__(3, optimizers.SGD()), "key must be a string"),
        (lambda: made.__setitem__("a", "sgd"), "must be a Keras Optimizer"),
        (lambda: made.__setitem__("a", optimizers.LossScaleOptimizer(optimizers.SGD())), "LossScaleOptimizer"),
    ):
        with pytest.raises(ValueError, match=message):
            bad()
    del made["fir.*"]
    with pytest.raises(TypeError, match="default_optimizer"):
        optimizers.OptimizerMap("adam")


def test_multi_optimizer_of_a_model(tmp_path):
    """Each layer is trained as by its own optimizer alone, and goes on so after loading."""
    x = np.random.default_rng(0).normal(size=(24, 3)).astype("float32")

    def model_with(optimizer):
        pk.utils.set_random_seed(1)
        model = models.Sequential([layers.Input((3,)), layers.Dense(3, name="first"), layers.Dense(2, name="second")])
        model.compile(optimizer, "mse")
        return model

    model = model_with(optimizers.MultiOptimizer(some(pk)))
    first, second = model.layers
    before = [copy.deepcopy(layer.get_weights()) for layer in model.layers]
    model.train_on_batch(x, x[:, :2])
    for layer, start, optimizer in ((first, before[0], optimizers.SGD(0.2, momentum=0.9)), (second, before[1], "adam")):
        alone = model_with(optimizer)
        if optimizer == "adam":
            alone.optimizer.learning_rate = 0.1
        alone.train_on_batch(x, x[:, :2])
        index = model.layers.index(layer)
        assert (layer.get_weights()[0] != start[0]).any()
        agree(layer.get_weights(), alone.layers[index].get_weights(), 1e-6)
    assert [type(o).__name__ for o in model.optimizer.optimizers] == ["SGD", "Adam"]
    with pytest.raises(AttributeError, match="Learning rate cannot be accessed"):
        _ = model.optimizer.learning_rate
    model.save(tmp_path / "m.keras")
    again = models.load_model(tmp_path / "m.keras")
    for m in (model, again):
        m.fit(x, x[:, :2], epochs=2, shuffle=False, verbose=0)
    agree(again.get_weights(), model.get_weights(), 1e-6)


def test_multi_optimizer_by_a_function():
    picked = {"a": optimizers.SGD(1.0), "b": optimizers.SGD(0.5)}
    multi = optimizers.MultiOptimizer(lambda v: picked[v.name], loss_scale_factor=2.0)
    ws = [Variable(np.zeros(2, "float32"), name=n) for n in "ab"]
    multi.apply([np.full(2, 4.0, "float32")] * 2, ws)
    assert [w.numpy()[0] for w in ws] == [-2.0, -1.0] and int(multi.iterations) == 1
    assert float(multi.scale_loss(np.float32(1.0))) == 2.0
    with pytest.raises(ValueError, match="must be an OptimizerMap or a function"):
        optimizers.MultiOptimizer("adam")


# --- TensorFlow 1, and paths of every era ---------------------------------------------------------------------------
def test_optimizers_of_tensorflow_1():
    """With the values of TensorFlow 1: RMSProp's mean squares begin with 1, Adagrad has no epsilon."""
    had = {name: module for name, module in sys.modules.items() if name.split(".")[0] in ("tensorflow", "keras")}
    for name in had:
        del sys.modules[name]
    compat.install()
    try:
        import tensorflow as tf
        from tensorflow.keras.optimizers.experimental import Adagrad
        from tensorflow.keras.optimizers.legacy import Adam

        train = tf.train
        made = {
            "sgd": train.GradientDescentOptimizer(1),
            "momentum": train.MomentumOptimizer(0.5, 0.9, use_nesterov=True),
            "adam": train.AdamOptimizer(0.1, beta1=0.8),
            "adagrad": train.AdagradOptimizer(0.1),
            "adadelta": train.AdadeltaOptimizer(rho=0.9),
            "rmsprop": tf.compat.v1.train.RMSPropOptimizer(0.5),
            "ftrl": train.FtrlOptimizer(0.1),
        }
        assert Adagrad is optimizers.Adagrad and Adam is optimizers.Adam
    finally:
        compat.uninstall()
        sys.modules.update(had)
    w = Variable(np.float32([1.0]))
    made["rmsprop"].apply([np.float32([2.0])], [w])
    assert w.numpy()[0] == pytest.approx(1 - 0.5 * 2 / np.sqrt(0.9 + 0.1 * 4), rel=1e-6)
    w = Variable(np.float32([1.0]))
    made["adagrad"].apply([np.float32([2.0])], [w])
    assert w.numpy()[0] == pytest.approx(1 - 0.1 * 2 / np.sqrt(4.1), rel=1e-6)
    assert made["adam"].epsilon == 1e-8 and made["adam"].beta_1 == 0.8 and made["momentum"].nesterov
    assert float(made["sgd"].learning_rate) == 1.0
    model = models.Sequential([layers.Input((2,)), layers.Dense(1)])
    model.compile(made["adam"], "mse")
    model.fit(np.ones((4, 2)), np.ones(4), verbose=0)


# --- files ------------------------------------------------------------------------------------------------------------
NAMES = ["Adadelta", "Adafactor", "Adagrad", "Adamax", "Ftrl", "Lamb", "Lion", "Muon", "Nadam", "ScheduleFreeAdamW"]
X = np.random.default_rng(0).normal(size=(16, 3)).astype("float32")


def small(library, optimizer):
    inputs = library.layers.Input((3,))
    hidden = library.layers.Dense(4, activation="tanh", name="first")(inputs)
    model = library.models.Model(inputs, library.layers.Dense(2, name="second")(hidden))
    model.compile(optimizer, "mse")
    return model


@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize("name", NAMES)
def test_state_in_files(name, ending, tmp_path):
    """Training goes on as if nothing had happened; .keras and .h5, of pykernels and of Keras."""
    model = small(pk, getattr(optimizers, name)(0.1))
    model.fit(X, X[:, :2], epochs=2, shuffle=False, verbose=0)
    model.save(tmp_path / f"m.{ending}")
    again = models.load_model(tmp_path / f"m.{ending}")
    for a, b in zip(again.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=b.name)
    for m in (model, again):
        m.fit(X, X[:, :2], epochs=1, shuffle=False, verbose=0)
    agree(again.get_weights(), model.get_weights(), 1e-6)
    theirs = small(keras, getattr(keras.optimizers, name)(0.1))
    theirs.optimizer.build(theirs.trainable_variables)
    for i, v in enumerate(theirs.optimizer.variables):
        v.assign(np.full(v.shape, i + 1))
    if name == "Adafactor":  # of which Keras writes no .h5: its variables have the same names
        ending = "keras"
    theirs.save(tmp_path / f"k.{ending}")
    ours = models.load_model(tmp_path / f"k.{ending}")
    for a, b in zip(ours.optimizer.variables, theirs.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), np.asarray(b), err_msg=b.name)


@pytest.mark.parametrize(
    ("name", "kinds", "scalars"),
    [
        ("Adagrad", ["accumulator"], 1),
        ("Adadelta", ["accum_grad", "accum_var"], 1),
        ("Adamax", ["m", "v"], 1),
        ("Ftrl", ["accumulator", "linear"], 1),
        ("Nadam", ["m", "v"], 2),
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_layouts_of_keras_2(name, kinds, scalars, named, tmp_path):
    """The slots by kind: with the names of tf.keras before 2.11, and without, as the standalone Keras wrote them."""
    model = small(pk, getattr(optimizers, name)(0.1))
    weights = model.trainable_variables
    arrays = [(np.asarray(7.0 + i), f"training/{i}:0") for i in range(scalars)]
    if named:
        arrays = [(a, n.replace("training/1", f"{name}/momentum_cache")) for a, n in arrays]
    for k, kind in enumerate(kinds):
        for i, v in enumerate(weights):
            n = f"{name}/{v.path}/{kind}:0" if named else f"training/{name}/Variable_{k * len(weights) + i}:0"
            arrays.append((np.full(v.shape, 10.0 * k + i), n))
    model.save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "a") as f:
        if "optimizer_weights" in f:
            del f["optimizer_weights"]
        group = f.create_group("optimizer_weights")
        group.attrs["weight_names"] = [n.encode() for _, n in arrays]
        for array, n in arrays:
            group.create_dataset(n, data=array)
        for where in (f, f["model_weights"]):
            where.attrs["keras_version"] = "2.4.0"
    again = models.load_model(tmp_path / "m.h5")
    assert int(again.optimizer.iterations) == 7
    if name == "Nadam":
        assert float(again.optimizer._u_product) == 8.0
    found = again.optimizer._slots()
    for k, slot in enumerate(s for group in found for s in group):
        for i, v in enumerate(getattr(again.optimizer, slot.attribute)):
            assert (v.numpy() == 10.0 * k + i).all(), (slot.attribute, i)


# --- optimizers of the user's own, as tf.keras 2.11 to 2.15 had them --------------------------------------------------
class OfKeras2(optimizers.Optimizer):
    def __init__(self, learning_rate=0.1, momentum=0.9, name="of_keras_2", **kwargs):
        super().__init__(name=name, **kwargs)
        self._learning_rate = self._build_learning_rate(learning_rate)
        self.momentum = momentum

    def build(self, var_list):
        super().build(var_list)
        if hasattr(self, "_built") and self._built:
            return
        self.momentums = [
            self.add_variable_from_reference(model_variable=v, variable_name="m", initial_value=None) for v in var_list
        ]
        self.starts = [
            self.add_variable_from_reference(model_variable=v, variable_name="s", initial_value=v) for v in var_list
        ]
        self._built = True

    def update_step(self, gradient, variable):
        m = self.momentums[self._index_dict[self._var_key(variable)]]
        m.assign(m * self.momentum - gradient * self.learning_rate)
        variable.assign_add(m)


def test_an_optimizer_of_tf_keras_trains_in_the_program():
    results = []
    for make in (lambda: OfKeras2(0.1), lambda: optimizers.SGD(0.1, momentum=0.9)):
        pk.utils.set_random_seed(1)
        model = small(pk, make())
        start = model.get_weights()
        model.fit(X, X[:, :2], epochs=2, batch_size=4, shuffle=False, verbose=0)
        results.append(model.get_weights())
        if isinstance(model.optimizer, OfKeras2):
            agree([v.numpy() for v in model.optimizer.starts], start, 0)
            assert [v.name for v in model.optimizer.variables][:2] == ["iteration", "learning_rate"]
            assert float(model.optimizer.learning_rate) == pytest.approx(0.1)
    agree(*results)


@pytest.mark.parametrize("hook", ["_create_slots", "_resource_apply_dense", "get_updates"])
def test_hooks_of_older_optimizers_are_refused_by_name(hook):
    own = type("Own", (optimizers.Optimizer,), {hook: lambda self, *args: None})
    model = small(pk, own())
    with pytest.raises(NotImplementedError, match=f"overrides `{hook}`"):
        model.fit(X, X[:, :2], verbose=0)


def test_decay_by_its_place_in_keras_2():
    sgd = optimizers.SGD(0.01, 0.9, 1e-6, True)
    assert (sgd.momentum, sgd.decay, sgd.nesterov, sgd.weight_decay) == (0.9, 1e-6, True, None)
    assert optimizers.SGD(0.01, 0.9, True).nesterov is True
    adam = optimizers.Adam(0.01, 0.9, 0.99, 1e-8, 0.5)
    assert (adam.epsilon, adam.decay, adam.amsgrad) == (1e-8, 0.5, False)
    assert optimizers.Adam(0.01, 0.9, 0.99, 1e-8, True).amsgrad is True
    assert optimizers.Adam(jit_compile=False).get_config().keys() == optimizers.Adam().get_config().keys()


@pytest.mark.parametrize("train", ["fit", "train_on_batch"])
def test_what_is_set_on_the_optimizer_holds_from_the_next_step(train):
    model = pk.Sequential([layers.Input((1,)), layers.Dense(1, use_bias=False, kernel_initializer="ones")])
    model.compile(optimizers.SGD(0.125), "mse")
    steps = []
    rate = optimizers.schedules.PiecewiseConstantDecay([100], [0.5, 0.0])
    for name, value in (("name", "plain"), ("clipvalue", 0.25), ("learning_rate", rate), ("clipvalue", None)):
        setattr(model.optimizer, name, value)
        (kernel,) = model.get_weights()
        if train == "fit":
            model.fit(np.ones((4, 1)), np.zeros((4, 1)), verbose=0)
        else:
            model.train_on_batch(np.ones((4, 1)), np.zeros((4, 1)))
        steps.append(float(kernel[0, 0] - model.get_weights()[0][0, 0]))
    # the gradient is twice the weight: 2, 1.5, 1.4375, 1.1875
    assert steps == [0.25, 0.03125, 0.125, 0.59375]
