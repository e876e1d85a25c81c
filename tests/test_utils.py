import os

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")

from pykernels import utils  # noqa: E402
from pykernels.utils import naming, random_seed  # noqa: E402


@pytest.mark.parametrize(
    ("x", "n"),
    [([0, 2, 1], None), ([[1], [2]], None), ([1.7, 0.2], 3), (np.array([3, 3], "uint8"), 5), ([[0, 1], [2, 0]], 4)],
)
def test_to_categorical(x, n):
    ours, theirs = utils.to_categorical(x, n), keras.utils.to_categorical(x, n)
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


def test_to_categorical_other_names_and_errors():
    np.testing.assert_array_equal(utils.np_utils.to_categorical([1], nb_classes=3), [[0, 1, 0]])
    with pytest.raises(IndexError, match="label 5 is out of bounds for num_classes=3"):
        utils.to_categorical([1, 5], 3)
    with pytest.raises(ValueError, match="num_classes"):
        utils.to_categorical([])
    with pytest.raises(TypeError, match="nb_classes"):
        utils.to_categorical([1], 3, nb_classes=3)
    with pytest.raises(TypeError, match="classes"):
        utils.to_categorical([1], classes=3)


@pytest.mark.parametrize("order", [1, 2])
def test_normalize(order):
    x = np.random.default_rng(0).normal(size=(4, 5))
    x[2] = 0
    np.testing.assert_allclose(utils.normalize(x, order=order), keras.utils.normalize(x, order=order))
    columns = utils.normalize(x, axis=0)
    np.testing.assert_allclose(np.linalg.norm(columns, axis=0), 1)


def test_set_random_seed():
    utils.set_random_seed(3)
    a = (random_seed.make_default_seed(), random_seed.make_default_seed(), np.random.rand())
    utils.set_random_seed(3)
    b = (random_seed.make_default_seed(), random_seed.make_default_seed(), np.random.rand())
    assert a == b
    assert a[0] != a[1]
    assert random_seed.get_random_seed() == 3
    for bad in ("a", 1.5, None):
        with pytest.raises(ValueError, match="integer"):
            utils.set_random_seed(bad)
    with pytest.raises(ValueError, match="seed=-1"):
        utils.set_random_seed(-1)


@pytest.mark.parametrize("name", ["GlorotUniform", "L1L2", "RMSprop", "TopKCategoricalAccuracy", "Conv2D", "ReLU"])
def test_snake_case(name):
    from keras.src.utils.naming import to_snake_case

    assert naming.to_snake_case(name) == to_snake_case(name)


def test_auto_names_count():
    naming.reset_uids()
    assert [naming.auto_name("MyLayer") for _ in range(3)] == ["my_layer", "my_layer_1", "my_layer_2"]
    naming.reset_uids()
    assert naming.auto_name("MyLayer") == "my_layer"


def test_nearest_names():
    assert naming.nearest_names("categorical crossentropy", ["categorical_crossentropy", "mse"]) == (
        " Did you mean 'categorical_crossentropy'?"
    )
    assert naming.nearest_names("zzz", ["mse"]) == ""
    assert naming.nearest_names(3, ["mse"]) == ""


VALUES = [None, 1, 2.5, True, "a", [1, (2, 3)], {"a": (1,)}, b"ab", np.arange(3.0), np.float32(2)]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_plain_serialization(value):
    form = utils.serialize_keras_object(value)
    assert form == keras.saving.serialize_keras_object(value)
    np.testing.assert_equal(utils.deserialize_keras_object(form), value)


def test_serialization_refuses():
    with pytest.raises(TypeError, match="get_config"):
        utils.serialize_keras_object(object())
    with pytest.raises(ValueError, match="lambda"):
        utils.deserialize_keras_object({"class_name": "__lambda__", "config": {"value": "x"}})
    with pytest.raises(TypeError, match="Could not locate class 'system'"):
        utils.deserialize_keras_object({"module": "os", "class_name": "system", "config": {}, "registered_name": "x"})
    with pytest.raises(TypeError, match="Could not locate function 'eval'"):
        utils.deserialize_keras_object({"module": "builtins", "class_name": "function", "config": "eval"})
    with pytest.raises(ValueError, match="get_config"):
        utils.register_keras_serializable()(type("Empty", (), {}))


def test_functions_by_name():
    @utils.register_keras_serializable()
    def my_loss(a, b):
        return a

    form = utils.serialize_keras_object(my_loss)
    assert form["config"] == "Custom>my_loss"
    assert utils.deserialize_keras_object(form) is my_loss
    assert utils.get_registered_object("Custom>my_loss") is my_loss
    form = {"class_name": "function", "config": "other", "module": "builtins"}
    assert utils.deserialize_keras_object(form, custom_objects={"other": my_loss}) is my_loss
