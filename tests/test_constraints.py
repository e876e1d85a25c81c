import os

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")

from pykernels import constraints  # noqa: E402

MADE = [
    ("MaxNorm", {}),
    ("MaxNorm", {"max_value": 1.5, "axis": 1}),
    ("NonNeg", {}),
    ("UnitNorm", {}),
    ("UnitNorm", {"axis": (0, 1)}),
    ("MinMaxNorm", {}),
    ("MinMaxNorm", {"min_value": 0.5, "max_value": 1.2, "rate": 0.7, "axis": 1}),
]


@pytest.mark.parametrize(("name", "options"), MADE)
def test_values_and_configs(name, options):
    ours, theirs = getattr(constraints, name)(**options), getattr(keras.constraints, name)(**options)
    w = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
    w[:, 1] = 0
    np.testing.assert_allclose(ours(w), np.asarray(theirs(w)), rtol=2e-6, atol=1e-7)
    assert ours(w).dtype == np.float32
    assert constraints.serialize(ours) == keras.constraints.serialize(theirs)
    assert constraints.deserialize(constraints.serialize(ours)).get_config() == theirs.get_config()


def test_names():
    theirs = {name for name in dir(keras.constraints) if not name.startswith("_")}
    assert theirs <= set(dir(constraints))
    for name in ("max_norm", "maxnorm", "MaxNorm", "non_neg", "nonneg", "unit_norm", "min_max_norm"):
        assert isinstance(constraints.get(name), constraints.Constraint)
    assert constraints.get(None) is None
    assert constraints.maxnorm(m=3).max_value == 3  # Keras 1


@pytest.mark.parametrize("bad", ["max_nrm", 3, {"class_name": "Foo", "config": {}}])
def test_unknown(bad):
    with pytest.raises(ValueError, match="Could not interpret constraint identifier"):
        constraints.get(bad)
