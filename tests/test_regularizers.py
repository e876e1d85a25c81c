import os

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")

from pykernels import regularizers  # noqa: E402

MADE = [
    ("L1", {"l1": 0.3}),
    ("L2", {"l2": 0.2}),
    ("L1L2", {"l1": 0.1, "l2": 0.2}),
    ("L1L2", {}),
    ("L1", {}),
    ("L2", {}),
    ("l1_l2", {"l1": None, "l2": 0.5}),
    ("OrthogonalRegularizer", {"factor": 0.1}),
    ("OrthogonalRegularizer", {"factor": 0.1, "mode": "columns"}),
]


@pytest.mark.parametrize(("name", "options"), MADE)
def test_values_and_configs(name, options):
    ours, theirs = getattr(regularizers, name)(**options), getattr(keras.regularizers, name)(**options)
    x = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
    value = ours(x)
    assert value.dtype == np.float32 and value.shape == ()
    np.testing.assert_allclose(value, np.asarray(theirs(keras.ops.convert_to_tensor(x))), rtol=1e-6)
    for key, number in theirs.get_config().items():
        assert ours.get_config()[key] == pytest.approx(number, rel=1e-6) if isinstance(number, float) else number
    assert regularizers.serialize(ours)["class_name"] == keras.regularizers.serialize(theirs)["class_name"]
    np.testing.assert_array_equal(regularizers.deserialize(regularizers.serialize(ours))(x), value)


def test_names():
    theirs = {name for name in dir(keras.regularizers) if not name.startswith("_")}
    assert theirs <= set(dir(regularizers))
    for name in ("l1", "l2", "L1", "L2", "L1L2", "l1_l2", "orthogonal_regularizer"):
        assert isinstance(regularizers.get(name), regularizers.Regularizer)
    assert regularizers.get(None) is None
    assert regularizers.L2(l=0.5).l2 == 0.5  # Keras 1
    assert regularizers.l2(0.01).l2 == 0.01


@pytest.mark.parametrize(
    "bad",
    [
        lambda k: k.L1(-1.0),
        lambda k: k.L2(float("nan")),
        lambda k: k.L1L2(l2="a"),
        lambda k: k.OrthogonalRegularizer(mode="diagonal"),
        lambda k: k.OrthogonalRegularizer()(np.ones((2, 2, 2), "float32")),
        lambda k: k.get("l3"),
        lambda k: k.get(3),
        lambda k: k.Regularizer().get_config(),
    ],
)
def test_errors_are_of_the_types_of_keras(bad):
    with pytest.raises(Exception) as theirs:
        bad(keras.regularizers)
    with pytest.raises(theirs.type):
        bad(regularizers)
