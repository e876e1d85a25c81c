"""Every method of Keras's base classes that a subclass may replace is called, as Keras calls it, or refused by name."""

import warnings

import numpy as np
import pytest
from overridden_methods import calls_of, public_names

import pykernels as pk
from pykernels import ops

keras = pytest.importorskip("keras")

BASES = {
    "Layer": (keras.layers.Layer, pk.layers.Layer),
    "Dense": (keras.layers.Layer, pk.layers.Layer),
    "Model": (keras.Model, pk.Model),
    "Sequential": (keras.Sequential, pk.Sequential),
    "Optimizer": (keras.optimizers.Optimizer, pk.optimizers.Optimizer),
    "Adam": (keras.optimizers.Optimizer, pk.optimizers.Optimizer),
    "Metric": (keras.metrics.Metric, pk.metrics.Metric),
    "SparseCategoricalAccuracy": (keras.metrics.Metric, pk.metrics.Metric),
    "Loss": (keras.losses.Loss, pk.losses.Loss),
    "SparseCategoricalCrossentropy": (keras.losses.Loss, pk.losses.Loss),
    "Callback": (keras.callbacks.Callback, pk.callbacks.Callback),
}
STEPS = {
    "compute_loss_and_updates",
    "stateless_compute_loss",
    "stateless_call",
    "jax_state_sync",
    "make_train_function",
    "make_test_function",
    "make_predict_function",
}
DTYPES = {"dtype_policy", "quantization_mode"}
# What Keras calls and pykernels refuses where it is overridden.
REFUSED = {
    "Layer": DTYPES,
    "Dense": DTYPES,
    "Model": STEPS | DTYPES,
    "Sequential": STEPS | DTYPES,
    "Optimizer": {"stateless_apply"},
    "Adam": {"stateless_apply", "assign", "assign_add", "assign_sub"},
}
# What Keras never calls by itself and pykernels does not have: the method is there, and refuses when the user calls it.
REFUSED_WHEN_CALLED = {
    "Layer": {"quantize", "quantized_build", "quantized_call", "rematerialized_call"},
    "Model": {"get_state_tree", "set_state_tree", "get_quantization_layer_structure"},
}
# What Keras reads and pykernels need not, with the reason; an override changes what other readers see, and no result.
NOT_READ = {
    "metrics_variables": "Keras's JAX trainer passes state by it; here it is updated in place",
    "non_trainable_variables": "likewise",
    "jit_compile": "steps are always compiled",
    "output": "Keras makes empty arrays of the same shape where a batch has no rows",
    "variable_dtype": "a Sequential has no variables of its own",
}

X = np.random.default_rng(0).random((16, 4), "float32")
Y = np.arange(16) % 3


@pytest.fixture(scope="module")
def called(tmp_path_factory):
    """(what Keras calls, what pykernels calls) in the same programs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = calls_of(keras, {}, tmp_path_factory.mktemp("keras"))
        ours = calls_of(pk, REFUSED, tmp_path_factory.mktemp("pykernels"))
    return theirs, ours


@pytest.mark.parametrize("kind", BASES)
def test_what_keras_calls_is_called_or_refused(kind, called):
    base, _ = BASES[kind]
    theirs, ours = (calls[kind] & set(public_names(base)) for calls in called)
    assert len(theirs) >= 2  # the programs reach the class
    left = theirs - ours - REFUSED.get(kind, set())
    assert left <= set(NOT_READ)


def test_how_many(called):
    theirs, _ = called
    names = {(base.__name__, name) for base, _ in BASES.values() for name in public_names(base)}
    refused = {(BASES[kind][0].__name__, name) for kind, group in REFUSED.items() for name in group & theirs[kind]}
    assert len(names) > 200
    assert len(refused) < 30


@pytest.mark.parametrize("kind", ["Layer", "Model", "Sequential", "Optimizer", "Metric", "Loss", "Callback"])
def test_what_keras_has_is_there(kind):
    """What only users call is reached by their own calls, as long as there is something to override and to call."""
    theirs, ours = BASES[kind]
    known = set(dir(ours)) | {"path", "name"}  # attributes of the instance
    assert [name for name in public_names(theirs) if name not in known] == []


# --- refusals ---------------------------------------------------------------------------------------------------------
def model_of(base=pk.Sequential, **methods):
    cls = type("Own", (base,), methods)
    inputs = pk.Input((4,))
    outputs = pk.layers.Dense(3, activation="softmax")(inputs)
    model = cls(inputs, outputs) if base is pk.Model else cls([inputs, pk.layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.mark.parametrize("base", [pk.Model, pk.Sequential])
@pytest.mark.parametrize("name", sorted(STEPS))
def test_overridden_steps_are_refused(base, name):
    model = model_of(base, **{name: lambda self, *args, **kwargs: None})
    predicts = name in ("predict_step", "make_predict_function")
    with pytest.raises(NotImplementedError, match=f"overrides `{name}`"):
        model.predict(X, verbose=0) if predicts else model.fit(X, Y, verbose=0)
    with pytest.raises(NotImplementedError, match=f"overrides `{name}`"):
        model.predict_on_batch(X) if predicts else model.train_on_batch(X, Y)
    if name == "stateless_call":
        with pytest.raises(NotImplementedError, match=name):
            model.predict(X, verbose=0)


def test_a_step_that_is_set_on_a_model_is_called():
    model = model_of()
    before = model.predict(X, verbose=0)
    model.predict_step = lambda data: 2 * model(data, training=False)
    np.testing.assert_allclose(model.predict(X, verbose=0), 2 * before, rtol=1e-6)
    model.predict_step = lambda data: None
    with pytest.raises(TypeError, match=r"predict_step\(\) of model .* must return tensors"):
        model.predict(X, verbose=0)


@pytest.mark.parametrize("name", sorted(DTYPES))
def test_overridden_dtypes_of_layers_are_refused(name):
    cls = type("Own", (pk.layers.Dense,), {name: property(lambda self: None)})
    with pytest.raises(NotImplementedError, match=f"Own 'own.*' overrides `{name}`"):
        cls(3)


@pytest.mark.parametrize("name", ["stateless_apply", "assign", "assign_add", "assign_sub", "get_updates"])
def test_methods_of_optimizers_that_are_not_called_are_refused(name):
    cls = type("Own", (pk.optimizers.SGD,), {name: lambda self, *args: None})
    model = model_of()
    model.compile(cls(), "sparse_categorical_crossentropy")
    with pytest.raises(NotImplementedError, match=f"overrides `{name}`"):
        model.fit(X, Y, verbose=0)


@pytest.mark.parametrize("kind", REFUSED_WHEN_CALLED)
def test_what_is_not_there_says_so(kind):
    made = {"Layer": pk.layers.Dense(2), "Model": model_of(), "Metric": pk.metrics.Mean()}[kind]
    for name in REFUSED_WHEN_CALLED[kind]:
        with pytest.raises(NotImplementedError, match=rf"{type(made).__name__}.{name}\(\) is not supported"):
            getattr(made, name)()


# --- models -----------------------------------------------------------------------------------------------------------
def trained(library, methods, **fit):
    """(history, evaluate, train_on_batch) of a model with these methods, from the same weights."""
    cls = type("Own", (library.Model,), methods(library))
    inputs = library.Input((4,))
    model = cls(inputs, library.layers.Dense(3, activation="softmax")(inputs))
    model.set_weights([np.linspace(-1, 1, 12).reshape(4, 3), np.zeros(3)])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(X, Y, batch_size=5, epochs=2, shuffle=False, verbose=0, **fit).history
    return (
        {key: history[key] for key in sorted(history)},
        model.evaluate(X, Y, verbose=0, return_dict=True),
        model.train_on_batch(X[:7], Y[:7], return_dict=True),
    )


def same(ours, theirs):
    assert [set(a) for a in ours] == [set(b) for b in theirs]
    for a, b in zip(ours, theirs, strict=True):
        for key in b:
            np.testing.assert_allclose(a[key], b[key], rtol=1e-5, atol=1e-6, err_msg=key)


def own_results(library):
    return {"get_metrics_result": lambda self: {"twice": 2 * self.metrics[0].result()}}


def own_metrics(library):
    class Methods:
        def __init__(self, *args, **kwargs):
            library.Model.__init__(self, *args, **kwargs)
            self.seen = library.metrics.Sum(name="seen")

        @property
        def metrics(self):
            return [self.seen]

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            loss = library.Model.compute_loss(self, x, y, y_pred, sample_weight, training)
            self.seen.update_state(loss)
            return loss

    return {name: Methods.__dict__[name] for name in ("__init__", "metrics", "compute_loss")}


def own_reset(library):
    def reset_metrics(self):
        for metric in self.metrics:
            metric.reset_state()
        self.metrics[0].update_state(10.0)

    return {"reset_metrics": reset_metrics}


def more_results(library):
    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        results = library.Model.compute_metrics(self, x, y, y_pred, sample_weight)
        results["largest"] = library.ops.max(y_pred)
        results["group"] = {"three": 3}
        return results

    return {"compute_metrics": compute_metrics}


def other_results(library):
    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return {"mean": library.ops.mean(y_pred), "rows": y_pred.shape[0]}

    def without_metrics(self, *args, metrics, **kwargs):  # Keras cannot read those that saw no batch
        library.Model.compile(self, *args, **kwargs)

    return {"compute_metrics": compute_metrics, "compile": without_metrics}


def own_evaluate(library):
    def evaluate(self, *args, **kwargs):
        results = library.Model.evaluate(self, *args, **kwargs)
        return {**results, "half": results["loss"] / 2}

    return {"evaluate": evaluate}


@pytest.mark.parametrize("methods", [own_results, own_metrics, own_reset, more_results, other_results, own_evaluate])
@pytest.mark.parametrize("fit", [{}, {"validation_data": (X[:6], Y[:6])}], ids=["", "validated"])
def test_results_of_a_model(methods, fit):
    same(trained(pk, methods, **fit), trained(keras, methods, **fit))


def test_own_evaluate_gets_the_split_off_rows():
    rows = []

    class Own(pk.Sequential):
        def evaluate(self, x=None, y=None, **kwargs):
            rows.append(len(x))
            return super().evaluate(x, y, **kwargs)

    model = Own([pk.Input((4,)), pk.layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    history = model.fit(X, Y, epochs=2, validation_split=0.25, verbose=0).history
    assert rows == [4, 4]
    assert "val_loss" in history


@pytest.mark.parametrize(
    ("name", "result", "message"),
    [
        ("compute_metrics", None, r"compute_metrics\(\) of model 'own.*' must return a dict"),
        ("compute_metrics", {"a": "text"}, "must return numbers. It returned 'text' for 'a'"),
        ("get_metrics_result", None, r"get_metrics_result\(\) of model 'own.*' must return a dict"),
        ("evaluate", 1.0, "must return a dict of results by name"),
    ],
)
def test_results_that_are_none(name, result, message):
    model = model_of(**{name: lambda self, *args, **kwargs: result})
    with pytest.raises(TypeError, match=message):
        model.fit(X, Y, validation_data=(X, Y), verbose=0)


def test_compute_metrics_in_every_batch_and_on_the_progress_bar(capsys):
    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return {**pk.Model.compute_metrics(self, x, y, y_pred, sample_weight), "mine": ops.sum(y_pred)}

    logs = []

    class Watch(pk.callbacks.Callback):
        def on_train_batch_end(self, batch, logs_=None):
            logs.append(logs_)

    model = model_of(compute_metrics=compute_metrics)
    model.fit(X, Y, batch_size=6, verbose=1, callbacks=[Watch()])
    assert "mine: 4.0000" in capsys.readouterr().out  # rows of the last batch
    np.testing.assert_allclose([entry["mine"] for entry in logs], [6, 6, 4], rtol=1e-5)


def test_make_train_function_takes_the_present_flags():
    model = model_of()
    model.fit(X, Y, verbose=0)
    before = model.get_weights()
    model.layers[0].trainable = False
    model.make_train_function(force=True)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model.fit(X, Y, verbose=0)
    assert [str(w.message) for w in told] == ["The model does not have any trainable weights."]
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


# --- optimizers -------------------------------------------------------------------------------------------------------
def stepped(library, methods, base="SGD", **arguments):
    cls = type("Own", (getattr(library.optimizers, base),), methods(library))
    model = library.Sequential([library.Input((4,)), library.layers.Dense(3, activation="softmax")])
    model.set_weights([np.linspace(-1, 1, 12).reshape(4, 3), np.zeros(3)])
    model.compile(cls(**arguments), "sparse_categorical_crossentropy")
    history = model.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0).history
    return [*model.get_weights(), history["loss"]]


def test_scale_loss():
    def methods(library):
        return {"scale_loss": lambda self, loss: loss * 3.0}

    for a, b in zip(stepped(pk, methods), stepped(keras, methods), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    assert not np.allclose(stepped(pk, methods)[0], stepped(pk, lambda library: {})[0])


def test_apply_gradients_is_called_as_on_tensorflow():
    """Keras's JAX trainer calls `apply` alone; its TensorFlow trainer, for which such optimizers were written, this."""

    def apply_gradients(self, grads_and_vars):
        return super(type(self), self).apply_gradients([(2.0 * g, v) for g, v in grads_and_vars])

    def apply(self, grads, trainable_variables=None):
        super(type(self), self).apply([2.0 * g for g in grads], trainable_variables)

    ours = stepped(pk, lambda library: {"apply_gradients": apply_gradients})
    theirs = stepped(keras, lambda library: {"apply": apply})
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_state_of_optimizers_in_files(tmp_path):
    class Kept(pk.optimizers.SGD):
        def save_own_variables(self, store):
            store["what"] = np.float32(7.0)

        def load_own_variables(self, store):
            self.loaded = float(store["what"])

    model = model_of()
    model.compile(Kept(), "sparse_categorical_crossentropy")
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "m.keras")
    again = pk.models.load_model(tmp_path / "m.keras", custom_objects={"Own": type(model), "Kept": Kept})
    assert again.optimizer.loaded == 7.0


# --- metrics ----------------------------------------------------------------------------------------------------------
def test_reset_states_of_keras_2():
    class Last(pk.metrics.Metric):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.total = self.add_weight(name="total", initializer="zeros")
            self.resets = 0

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.total.assign_add(ops.sum(y_pred))

        def result(self):
            return self.total

        def reset_states(self):
            self.resets += 1
            super().reset_states()

    model, metric = model_of(), Last(name="last")
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=[metric])
    assert model.fit(X, Y, epochs=3, verbose=0).history["last"] == pytest.approx([16, 16, 16])
    assert metric.resets == 3


# --- layers -----------------------------------------------------------------------------------------------------------
def masks(library):
    class Rows(library.layers.Layer):
        def call(self, x):
            return x * 1.0

        def compute_mask(self, inputs, mask=None):
            return library.ops.any(library.ops.not_equal(inputs, 0), axis=-1)

    class Zero(library.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.supports_masking = True

        def call(self, x, mask=None):
            return x if mask is None else x * library.ops.cast(library.ops.expand_dims(mask, -1), "float32") + 1.0

    return Rows, Zero


def masked_model(library, middle=()):
    rows, zero = masks(library)
    inputs = library.Input((3, 2))
    x = library.layers.Dense(2, kernel_initializer="ones")(rows()(inputs))
    for layer in middle:
        x = layer(x)
    return library.Model(inputs, zero()(x))


SEQUENCES = np.array([[[1, 2], [0, 0], [0, 0]], [[3, 0], [1, 1], [0, 0]]], "float32")


def test_masks_reach_layers_losses_and_metrics():
    results = []
    for library in (pk, keras):
        model = masked_model(library)
        model.compile("sgd", "mse", metrics=["mae"], weighted_metrics=["mae"])
        target = np.ones((2, 3, 2), "float32")
        results.append([model(SEQUENCES), model.predict(SEQUENCES, verbose=0)])
        evaluated = model.evaluate(SEQUENCES, target, verbose=0, return_dict=True)
        history = model.fit(SEQUENCES, target, verbose=0).history
        assert set(evaluated) == set(history) == {"loss", "mae", "weighted_mae"}
        # In `fit`, Keras's JAX trainer loses the mask between loss and metrics, which `evaluate` does not.
        results[-1] += [[evaluated[name] for name in sorted(evaluated)], history["loss"]]
        results[-1] += [w.numpy() for w in model.weights]
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["Add", "Concatenate", "Dot"])
def test_masks_of_merged_inputs(kind):
    found = []
    for library in (pk, keras):
        rows, _ = masks(library)
        a, b = library.Input((3, 2)), library.Input((3, 2))
        cls = getattr(library.layers, kind)
        layer = cls(axes=2) if kind == "Dot" else cls()

        class See(library.layers.Layer):
            def call(self, x, mask=None, library=library):
                return library.ops.zeros((2, 3)) if mask is None else library.ops.cast(mask, "float32")

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # `See` hands no mask on
            model = library.Model([a, b], See()(layer([rows()(a), rows()(b)])))
            found.append(model.predict([SEQUENCES, SEQUENCES[::-1]], verbose=0))
    np.testing.assert_array_equal(found[0], found[1])


def test_a_mask_that_a_layer_drops_is_told():
    with pytest.warns(UserWarning, match=r"Layer '.*' \(of type Flatten\) was passed an input with a mask"):
        rows, _ = masks(pk)
        pk.layers.Flatten()(rows()(pk.Input((3, 2))))


def test_masks_given_to_models():
    _, zero = masks(pk)
    inputs = pk.Input((3, 2))
    model = pk.Model(inputs, zero()(inputs))
    mask = np.array([[True, False, False], [True, True, False]])
    np.testing.assert_array_equal(model(SEQUENCES + 1, mask=mask), (SEQUENCES + 1) * mask[..., None] + 1)
    np.testing.assert_array_equal(model(SEQUENCES + 1), SEQUENCES + 1)  # and the mask is gone with that call


def test_the_callers_array_gets_no_mask():
    rows, zero = masks(pk)

    class Same(rows):
        def call(self, x):
            return x

    x = SEQUENCES + 0
    assert Same()(x) is not x
    np.testing.assert_array_equal(zero()(x), x)


def test_compute_output_spec_and_shape_are_asked():
    asked = []

    class Spec(pk.layers.Layer):
        def call(self, x):
            return ops.reshape(x, (int(x.shape[0]), -1))  # needs a number: it cannot be recorded for any batch

        def compute_output_spec(self, x):
            asked.append("spec")
            return pk.Input(batch_shape=(x.shape[0], 6))

    class Shape(Spec):
        compute_output_spec = pk.layers.Layer.compute_output_spec

        def compute_output_shape(self, input_shape):
            asked.append("shape")
            return (input_shape[0], 6)

    for layer in (Spec(), Shape()):
        model = pk.Sequential([pk.Input((3, 2)), layer, pk.layers.Dense(2)])
        assert model.predict(SEQUENCES, verbose=0).shape == (2, 2)
    assert "spec" in asked
    assert "shape" in asked


def test_declared_shapes_that_are_wrong_are_told():
    class Wrong(pk.layers.Layer):
        def call(self, x):
            return x

        def compute_output_shape(self, input_shape):
            return (input_shape[0], 7)

    with pytest.warns(UserWarning, match=r"compute_output_shape\(\) of layer 'wrong.*' says \(None, 7\), and call\(\)"):
        model = pk.Sequential([pk.Input((4,)), Wrong()])
    assert model.output_shape == (None, 4)


@pytest.mark.parametrize("library", [pk, keras], ids=["pykernels", "keras"])
def test_build_configs(library, tmp_path):
    """A layer that is built by something else than a shape, as Keras's documentation has it."""

    class Table(library.layers.Layer):
        def __init__(self, size=None, **kwargs):
            super().__init__(**kwargs)
            self.size, self.table = size, None

        def call(self, x):
            return x * library.ops.sum(self.table)

        def fill(self, count):
            self.table = self.add_weight(shape=(count,), initializer="ones", name="table")
            self.built = True

        def get_build_config(self):
            return {"count": int(self.table.shape[0])}

        def build_from_config(self, config):
            self.fill(config["count"])

        def get_config(self):
            return {**super().get_config(), "size": self.size}

    layer = Table()
    layer.fill(5)
    model = library.Sequential([library.Input((4,)), layer])
    model.save(tmp_path / "m.keras")
    again = library.models.load_model(tmp_path / "m.keras", custom_objects={"Table": Table})
    np.testing.assert_array_equal(again.predict(X, verbose=0), 5 * X)


def test_build_configs_that_are_no_shapes():
    for shape in (None, "a", 3, [[None, "a"]], {"a": 2.5}):
        with pytest.raises(ValueError, match=r"Layer 'dense.*' cannot be built for the shapes of its configuration"):
            pk.layers.Dense(2).build_from_config({"input_shape": shape})


def test_what_a_layer_says_of_its_variables_losses_and_metrics():
    class Own(pk.layers.Layer):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.seen = pk.layers.Dense(3), pk.layers.Dense(3), pk.metrics.Mean(name="seen")

        def build(self, shape):
            self.a.build(shape)
            self.b.build(shape)

        def call(self, x):
            self.seen.update_state(ops.mean(x))
            return self.a(x) + self.b(x)

        @property
        def trainable_weights(self):
            return self.a.trainable_weights

        @property
        def losses(self):
            return [ops.convert_to_tensor(2.0)]

        @property
        def metrics(self):
            return []

    model = pk.Sequential([pk.Input((4,)), Own()])
    own = model.layers[0]
    model.compile("sgd", "mse")
    target = np.zeros((16, 3))
    before = [own.a.get_weights()[0], own.b.get_weights()[0]]
    assert [float(v) for v in model.losses] == [2.0]
    plain = np.mean(model.predict(X, verbose=0) ** 2)
    history = model.fit(X, target, batch_size=16, verbose=0).history
    assert set(history) == {"loss"}
    np.testing.assert_allclose(history["loss"], [plain + 2.0], rtol=1e-5)
    assert not np.array_equal(own.a.get_weights()[0], before[0])
    np.testing.assert_array_equal(own.b.get_weights()[0], before[1])


def test_variables_that_a_layer_hides():
    class Hides(pk.layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = pk.layers.Dense(3)

        def build(self, shape):
            self.inner.build(shape)

        def call(self, x):
            return self.inner(x)

        @property
        def variables(self):
            return []

    model = pk.Sequential([pk.Input((4,)), Hides(), pk.layers.Dense(1)])
    assert [v.shape for v in model.weights] == [(3, 1), (1,)]


def test_input_dtype():
    class Wide(pk.layers.Layer):
        @property
        def input_dtype(self):
            return "float64"

        def call(self, x):
            return x

    assert Wide()(X).dtype == np.float64


# --- Sequential -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("library", [pk, keras], ids=["pykernels", "keras"])
def test_add_and_build_of_a_sequential(library):
    class Own(library.Sequential):
        def add(self, layer, rebuild=True):
            self.added = [*getattr(self, "added", []), type(layer).__name__]
            super().add(layer, rebuild)

        def build(self, input_shape=None):
            self.built_for = tuple(input_shape)
            super().build(input_shape)

    model = Own([library.Input((4,)), library.layers.Dense(3)])
    assert len(model.added) == 2
    assert model.added[1] == "Dense"
    assert model.built_for == (None, 4)
    assert model(X).shape == (16, 3)


@pytest.mark.filterwarnings("ignore")
def test_compile_of_ones_own_and_files(tmp_path):
    class Own(pk.Sequential):
        def compile(self, *args, **kwargs):
            self.compiles = getattr(self, "compiles", 0) + 1
            super().compile(*args, **kwargs)

    model = Own([pk.Input((4,)), pk.layers.Dense(3)])
    model.compile("adam", "mse")
    model.fit(X, np.zeros((16, 3)), verbose=0)
    for ending, compiled in ((".h5", True), (".keras", False)):  # as in Keras
        model.save(tmp_path / f"m{ending}")
        again = pk.models.load_model(tmp_path / f"m{ending}", custom_objects={"Own": Own})
        assert again.compiled is compiled
        np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
