"""Arguments that nobody means, to constructors and in configurations: an error that names layer and argument, and no
text of Python's own."""

from __future__ import annotations

import copy
import inspect
import itertools
import json

import numpy as np
import pytest
from internal_text import internal_text
from layer_cases import LAYERS

import pykernels as pk
from pykernels import constraints, initializers, layers, losses, metrics, models, optimizers, regularizers, saving
from pykernels.utils.error_origin import is_unexplained

STRANGE = (
    *(1 << 63, -(1 << 63) - 1, 10**400, 1e308, float("inf"), float("nan"), 1 << 47, -1, 0, 1.5, "x", "", [], {}, None),
    *([1], [1 << 63, 1 << 63], [1e308, 1], [[1, 2], [3, 4]], [None, None], {"a": 1}, {"class_name": None, "config": 1}),
)


def places(config, path=()):
    """The paths of all values in a configuration."""
    pairs = config.items() if isinstance(config, dict) else enumerate(config) if isinstance(config, list) else ()
    for key, value in pairs:
        yield (*path, key)
        yield from places(value, (*path, key))


def replaced(config, path, value):
    config = copy.deepcopy(config)
    holder = config
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return config


def plain(config):
    """As a file has it: lists for tuples."""
    return json.loads(json.dumps(config))


def assert_is_explained(error: Exception, name: str) -> None:
    assert isinstance(error, (ValueError, TypeError, NotImplementedError)), f"{type(error).__name__}: {error}"
    assert internal_text(str(error)) is None, error
    assert not is_unexplained(error), error
    assert name in str(error) or "`" in str(error) or "'" in str(error)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", sorted(LAYERS))
def test_layers(name):
    shape, options = LAYERS[name]
    cls = getattr(layers, name)
    given = options[0] if options else {"factor": 0.2}
    base = plain(saving.serialize_keras_object(cls(**given))["config"])
    values = itertools.cycle(STRANGE)
    for path in places(base):
        for value in itertools.islice(values, 5):  # others for each argument, all of them over the layers
            try:
                form = {"module": "keras.layers", "class_name": name, "config": replaced(base, path, value)}
                layer = saving.deserialize_keras_object({**form, "registered_name": None})
                x = pk.Input(shape)
                model = pk.Model(x, layer(x))
                if all(d is None or d < 1000 for d in model.outputs[0].shape) and model.count_params() < 1000:
                    model.predict(np.zeros((1, *shape), "float32"), verbose=0)
            except MemoryError as error:
                assert "needs more memory" in str(error)  # no error is right too
            except Exception as error:
                assert_is_explained(error, name)


KINDS = {
    "initializers": initializers,
    "regularizers": regularizers,
    "constraints": constraints,
    "losses": losses,
    "metrics": metrics,
    "optimizers": optimizers,
}


def classes(module):
    for name, cls in inspect.getmembers(module, inspect.isclass):
        if not name.startswith("_") and name == cls.__name__ and hasattr(cls, "from_config"):
            yield name, cls


def use(kind: str, made) -> None:
    if kind == "initializers":
        made((4, 3))
        return
    dense = {f"kernel_{kind[:-1]}": made} if kind in ("regularizers", "constraints") else {}
    model = pk.Sequential([pk.Input((4,)), layers.Dense(3, activation="softmax", **dense)])
    sparse = "Sparse" in type(made).__name__
    loss = made if kind == "losses" else "sparse_categorical_crossentropy" if sparse else "mse"
    model.compile(made if kind == "optimizers" else "sgd", loss, metrics=[made] if kind == "metrics" else None)
    y = np.arange(6) % 3
    model.train_on_batch(np.ones((6, 4), "float32"), y if sparse else np.eye(3, dtype="float32")[y])


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_objects(kind):
    values = itertools.cycle(STRANGE)
    for name, cls in classes(KINDS[kind]):
        try:
            base = plain(cls().get_config())
        except (TypeError, NotImplementedError):  # wrappers and base classes
            continue
        for key in base:
            for value in itertools.islice(values, 7):
                form = {"module": f"keras.{kind}", "class_name": name, "config": {**base, key: value}}
                try:
                    use(kind, saving.deserialize_keras_object({**form, "registered_name": None}))
                except Exception as error:
                    assert_is_explained(error, name)


@pytest.mark.parametrize("value", [1 << 63, 1 << 64, 10**30, 1e308, -(1 << 63)])
@pytest.mark.parametrize(
    ("kind", "argument", "more"),
    [
        ("Dense", "units", {}),
        ("Conv2D", "filters", {"kernel_size": 3}),
        ("Conv2D", "kernel_size", {"filters": 3, "padding": "same"}),
        ("Conv2D", "strides", {"filters": 3, "kernel_size": 3, "padding": "same"}),
        ("MaxPooling2D", "pool_size", {}),
        ("UpSampling2D", "size", {}),
        ("ZeroPadding2D", "padding", {}),
        ("RepeatVector", "n", {}),
        ("Dropout", "rate", {}),
        ("BatchNormalization", "axis", {}),
        ("Resizing", "height", {"width": 4}),
    ],
)
def test_numbers_beyond_all_bounds_in_a_configuration(kind, argument, more, value):
    """A ValueError that names the layer (or its class) and the argument, or the tensor that it would give."""
    shape = (4,) if kind in ("Dense", "RepeatVector", "Dropout") else (8, 8, 2)
    first = {"class_name": "InputLayer", "config": {"name": "x", "batch_input_shape": [None, *shape]}}
    layer = {"class_name": kind, "config": {"name": "bad", **more, argument: value}}
    text = json.dumps({"class_name": "Sequential", "config": {"name": "m", "layers": [first, layer]}})
    with pytest.raises((ValueError, TypeError), match=r"^The JSON text") as caught:  # TypeError where Keras raises it
        models.model_from_json(text)
    assert "bad" in str(caught.value) or kind in str(caught.value) or f"`{argument}`" in str(caught.value)
    assert internal_text(str(caught.value)) is None


# --- what other arguments than layers' mean ------------------------------------------------------------------------
@pytest.mark.parametrize("shape", [(-3,), (2, -1), (1 << 63,), (1.5,), ("a",), "ab", 4.5])
def test_shapes_of_inputs(shape):
    with pytest.raises(ValueError, match="Cannot convert"):
        pk.Input(shape)


def test_a_negative_batch_size_of_an_input():
    with pytest.raises(ValueError, match="Negative dimensions are not allowed"):
        pk.Input((3,), batch_size=-1)


def test_names_with_a_slash_as_keras_1_and_2_have_them(tmp_path):
    """Keras 3 refuses them; scripts and files of Keras 1 and 2 (GoogLeNet's inception_3a/1x1) have them."""
    model = pk.Sequential([pk.Input((4,)), layers.Dense(3, name="a/b"), layers.Dense(2, name="a")], name="m/n")
    for ending in ("keras", "h5", "weights.h5"):
        path = tmp_path / f"m.{ending}"
        if ending == "weights.h5":
            model.save_weights(path)
            again = models.clone_model(model)
            again.load_weights(path)
        else:
            model.save(path)
            again = models.load_model(path, compile=False)
        assert [x.name for x in again.layers] == ["a/b", "a"]
        for one, other in zip(again.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)


def softmax(loss="sparse_categorical_crossentropy"):
    model = pk.Sequential([pk.Input((4,)), layers.Dense(3, activation="softmax")])
    model.compile("sgd", loss, metrics=["acc"])
    return model


X, Y = np.zeros((6, 4), "float32"), np.array([0, 1, 2, 0, 1, 2])


@pytest.mark.parametrize("batch_size", [0, -1, 1.5, "x", True, float("inf")])
@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
def test_batch_sizes(method, batch_size):
    data = (X,) if method == "predict" else (X, Y)
    with pytest.raises(ValueError, match="`batch_size` must be a positive integer"):
        getattr(softmax(), method)(*data, batch_size=batch_size, verbose=0)


@pytest.mark.parametrize("argument", ["epochs", "initial_epoch"])
@pytest.mark.parametrize("value", [1.5, "x", None, True])
def test_epochs(argument, value):
    with pytest.raises(ValueError, match=rf"`{argument}` must be an integer"):
        softmax().fit(X, Y, verbose=0, **{argument: value})


@pytest.mark.parametrize(
    ("make", "argument"),
    [
        (lambda v: optimizers.Adam(beta_1=v), "beta_1"),
        (lambda v: optimizers.Adam(beta_2=v), "beta_2"),
        (lambda v: optimizers.RMSprop(rho=v), "rho"),
    ],
)
@pytest.mark.parametrize("value", [2, -0.1, float("nan"), "x", None, 1e308])
def test_decay_rates(make, argument, value):
    with pytest.raises(ValueError, match=f"`{argument}` must be a number in"):
        make(value)


@pytest.mark.parametrize("label", [0.5, float("nan")])
def test_class_numbers_are_whole(label):
    y = np.array([0, 1, label, 0, 1, 2])
    with pytest.raises(ValueError, match=r"`y` contains (the label 0\.5, which is no class number|NaN)"):
        softmax().fit(X, y, verbose=0)
    with pytest.raises(ValueError, match="class numbers, which are whole"):
        losses.sparse_categorical_crossentropy(y, np.full((6, 3), 1 / 3, "float32"))
    softmax().fit(X, np.array([0, 1, 2.0, 0, 1, 2]), verbose=0)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([-1, 2], "from 0 on. Received: -1.*become 0 and 1"),
        ([float("nan"), 1], "Received: nan"),
        ([float("inf")], "Received: inf"),
        (["a"], "labels must be numbers"),
        ([1 << 70], "labels must be numbers"),
        ([], "is empty"),
    ],
)
def test_to_categorical(labels, message):
    with pytest.raises(ValueError, match=message):
        pk.utils.to_categorical(labels)


@pytest.mark.parametrize("num_classes", [-1, 1.5, "x"])
def test_to_categorical_with_strange_numbers_of_classes(num_classes):
    with pytest.raises(ValueError, match="`num_classes` must be an integer of at least 0"):
        pk.utils.to_categorical([0, 1], num_classes)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.array([1.0, 2, 3]), r"must be a dict.*dict\(enumerate\(weights\)\)"),
        ([1, 2, 3], "must be a dict"),
        ({0: "a"}, r"`class_weight\[0\]` must be a number"),
        ({0: np.array([1, 2])}, r"`class_weight\[0\]` must be a number"),
        ({"a": 1}, "whole numbers as keys. Received: 'a'"),
        ({0.5: 1}, "whole numbers as keys. Received: 0.5"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "train_on_batch"])
def test_class_weights(weights, message, method):
    options = {"verbose": 0} if method == "fit" else {}
    with pytest.raises(ValueError, match=message):
        getattr(softmax(), method)(X, Y, class_weight=weights, **options)


@pytest.mark.parametrize("hook", ["on_train_begin", "on_epoch_begin", "on_epoch_end", "on_train_batch_end"])
def test_compile_within_a_callback(hook):
    model = softmax()

    class Compiles(pk.callbacks.Callback):
        pass

    setattr(Compiles, hook, lambda self, *args, **kwargs: self.model.compile("adam", "mse"))
    with pytest.raises(RuntimeError, match=r"within its own fit\(\).*stop_training = True"):
        model.fit(X, Y, verbose=0, callbacks=[Compiles()])
    model.compile("adam", "sparse_categorical_crossentropy")  # afterwards it may
    model.fit(X, Y, verbose=0)


# --- whose error it is ---------------------------------------------------------------------------------------------
def test_errors_of_the_users_own_layers_stay_theirs():
    class Mine(layers.Layer):
        def __init__(self, n):
            super().__init__()
            self.n = n + 1

        def call(self, x):
            return x[self.n.missing]

    with pytest.raises(TypeError, match="can only concatenate"):
        Mine("a")
    with pytest.raises(AttributeError, match="missing"):
        Mine(1)(np.zeros((2, 3), "float32"))


def test_missing_arguments_are_said_by_python():
    with pytest.raises(TypeError, match=r"Dense.__init__\(\) missing 1 required positional argument: 'units'"):
        layers.Dense()
    with pytest.raises(ValueError, match=r"Unrecognized keyword arguments.*unit"):
        layers.Dense(3, unit=4)


def test_the_cause_is_kept():
    with pytest.raises(ValueError, match=r"Dropout cannot be made with these arguments: rate='x'") as caught:
        layers.Dropout("x")
    assert isinstance(caught.value.__cause__, TypeError)
