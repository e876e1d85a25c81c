"""Activations: values, gradients, names."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from op_testing import check_forward, check_gradient, gradient_of, shapes, uniform

from pykernels import activations, ops

few = settings(max_examples=8)
_erf = np.vectorize(math.erf, otypes=[np.float64])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softplus(x):
    return np.logaddexp(0, x)


def elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def relu6(x):
    return np.clip(x, 0, 6)


A = activations
# (function, reference, kinks)
CASES = {
    "linear": (lambda x: A.linear(ops.negative(x)), np.negative, ()),
    "relu": (A.relu, lambda x: np.maximum(x, 0), (0,)),
    "relu slope": (lambda x: A.relu(x, 0.3), lambda x: np.where(x > 0, x, 0.3 * x), (0,)),
    "relu max": (lambda x: A.relu(x, max_value=2.0), lambda x: np.clip(x, 0, 2), (0, 2)),
    "relu max 6": (lambda x: A.relu(x, max_value=6), relu6, (0, 6)),
    "relu threshold": (lambda x: A.relu(x, threshold=1.5), lambda x: np.where(x > 1.5, x, 0), (1.5,)),
    "relu all": (
        lambda x: A.relu(x, negative_slope=0.2, max_value=4.0, threshold=1.0),
        lambda x: np.where(x >= 4, 4, np.where(x > 1, x, 0.2 * (x - 1))),
        (1, 4),
    ),
    "relu6": (A.relu6, relu6, (0, 6)),
    "leaky_relu": (A.leaky_relu, lambda x: np.where(x > 0, x, 0.2 * x), (0,)),
    "leaky_relu slope": (lambda x: A.leaky_relu(x, 0.01), lambda x: np.where(x > 0, x, 0.01 * x), (0,)),
    "leaky_relu negative": (lambda x: A.leaky_relu(x, -0.3), lambda x: np.where(x > 0, x, -0.3 * x), (0,)),
    "elu": (A.elu, elu, (0,)),
    "elu alpha": (lambda x: A.elu(x, 0.3), lambda x: elu(x, 0.3), (0,)),
    "elu negative": (lambda x: A.elu(x, -0.3), lambda x: elu(x, -0.3), (0,)),
    "selu": (A.selu, lambda x: 1.0507009873554805 * elu(x, 1.6732632423543772), (0,)),
    "celu": (lambda x: A.celu(x, 2.0), lambda x: np.maximum(x, 0) + np.minimum(0, 2 * np.expm1(x / 2)), (0,)),
    "gelu": (A.gelu, lambda x: x * (1 + _erf(x / math.sqrt(2))) / 2, ()),
    "gelu tanh": (
        lambda x: A.gelu(x, approximate=True),
        lambda x: x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2,
        (),
    ),
    "silu": (A.silu, lambda x: x * sigmoid(x), ()),
    "sigmoid": (A.sigmoid, sigmoid, ()),
    "hard_sigmoid": (A.hard_sigmoid, lambda x: relu6(x + 3) / 6, (-3, 3)),
    "hard_silu": (A.hard_silu, lambda x: x * relu6(x + 3) / 6, (-3, 3)),
    "tanh": (A.tanh, np.tanh, ()),
    "softplus": (A.softplus, softplus, ()),
    "softsign": (A.softsign, lambda x: x / (1 + np.abs(x)), (0,)),
    "exponential": (A.exponential, np.exp, ()),
    "mish": (A.mish, lambda x: x * np.tanh(softplus(x)), ()),
    "log_sigmoid": (A.log_sigmoid, lambda x: -softplus(-x), ()),
    "hard_tanh": (A.hard_tanh, lambda x: np.clip(x, -1, 1), (-1, 1)),
    "celu negative": (
        lambda x: A.celu(x, -2.0),
        lambda x: np.maximum(x, 0) - 2 * np.expm1(np.minimum(x, 0) / -2),
        (0,),
    ),
    "soft_shrink threshold": (
        lambda x: A.soft_shrink(x, 1.5),
        lambda x: np.sign(x) * np.maximum(np.abs(x) - 1.5, 0),
        (-1.5, 1.5),
    ),
    "soft_shrink negative": (lambda x: A.soft_shrink(x, -1.0), lambda x: np.where(x > -1, x + 1, x - 1), (-1,)),
    "hard_shrink 0": (lambda x: A.hard_shrink(x, 0), lambda x: x, (0,)),
    "hard_shrink negative": (lambda x: ops.multiply(A.hard_shrink(x, -1), 2.0), lambda x: 2 * x, ()),
    "tanh_shrink": (A.tanh_shrink, lambda x: x - np.tanh(x), ()),
    "soft_shrink": (A.soft_shrink, lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0), (-0.5, 0, 0.5)),
    "hard_shrink": (A.hard_shrink, lambda x: np.where(np.abs(x) > 0.5, x, 0), (-0.5, 0.5)),
    "threshold": (lambda x: A.threshold(x, 0.7, -2.0), lambda x: np.where(x > 0.7, x, -2), (0.7,)),
    "squareplus": (A.squareplus, lambda x: (x + np.sqrt(x * x + 4)) / 2, ()),
    "squareplus b": (lambda x: A.squareplus(x, 0.3), lambda x: (x + np.sqrt(x * x + 0.3)) / 2, ()),
    "squareplus 0": (lambda x: A.squareplus(x, 0), lambda x: np.maximum(x, 0), (0,)),
    "sparse_plus": (A.sparse_plus, lambda x: np.where(x >= 1, x, (np.clip(x, -1, 1) + 1) ** 2 / 4), (-1, 1)),
    "sparse_sigmoid": (A.sparse_sigmoid, lambda x: (np.clip(x, -1, 1) + 1) / 2, (-1, 1)),
}


@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients(case):
    function, reference, kinks = CASES[case]

    @few
    @given(shapes())
    def forward(shape):
        check_forward(function, reference, [uniform(shape, -8, 8, away_from=kinks)], ulp=12)

    forward()
    for shape in ((), (17,), (3, 5), (0, 2)):
        check_gradient(function, [uniform(shape, -7, 7, away_from=kinks)], rtol=1e-6)


def test_tanh_shrink_near_zero():
    """x - tanh(x) is x^3 / 3 there; the difference itself would have no digit right."""
    for dtype in ("float32", "float64"):
        x = np.array([1e-8, 1e-4, -1e-3, 0.0], dtype)
        v = x.astype(np.float64) ** 2
        exact = x.astype(np.float64) ** 3 * (1 / 3 - 2 / 15 * v + 17 / 315 * v * v)
        np.testing.assert_allclose(A.tanh_shrink(x), exact, rtol=8 * np.finfo(dtype).eps, atol=0)


def test_slopes_at_the_ends_of_the_shrinks():
    x = np.array([-1.0, -0.5, 0.0, 0.5, 1.0], np.float32)
    for name, want in (
        ("soft_shrink", [1, 0, 0, 0, 1]),
        ("hard_shrink", [1, 0, 0, 0, 1]),
        ("hard_tanh", [1, 1, 1, 1, 1]),
        ("sparse_plus", [0, 0.25, 0.5, 0.75, 1]),
        ("celu", np.exp(np.minimum(x, 0))),
    ):
        np.testing.assert_allclose(gradient_of(getattr(A, name), [x])[0], want, rtol=1e-6, err_msg=name)
    assert np.isnan(A.hard_shrink(np.float32("nan"))) and np.isnan(A.soft_shrink(np.float32("nan")))


def test_squareplus_far_from_zero():
    """The sum of x and the root would cancel left of 0, and its square overflow."""
    x = np.array([-1e30, -1e12, -3e3, 3e3, 1e12, 1e30], np.float32)
    np.testing.assert_allclose(A.squareplus(x), [1e-30, 1e-12, 1 / 3e3, 3e3, 1e12, 1e30], rtol=1e-6)
    np.testing.assert_allclose(gradient_of(A.squareplus, [x])[0], [0, 1e-24, 1 / 9e6, 1, 1, 1], rtol=1e-6, atol=1e-30)
    negative = A.squareplus(np.array([-3.0, 0.0, 3.0], np.float32), -4)
    np.testing.assert_allclose(negative, [(-3 + 5**0.5) / 2, np.nan, (3 + 5**0.5) / 2], rtol=1e-6)


@pytest.mark.parametrize("case", ["sigmoid", "tanh", "softplus", "elu", "selu", "gelu", "silu", "mish", "softsign"])
def test_far_from_zero(case):
    """Saturated, not NaN; the gradient too."""
    function, _, _ = CASES[case]
    x = np.array([-1e4, -100, -30, 30, 100, 1e4], np.float32)
    y, dx = function(x), gradient_of(function, [x])[0]
    assert np.all(np.isfinite(y)) and np.all(np.isfinite(dx))
    with np.errstate(all="ignore"):
        want = {
            "sigmoid": (x > 0) * 1.0,
            "tanh": np.sign(x),
            "softplus": np.maximum(x, 0),
            "elu": elu(x),
            "selu": 1.0507009873554805 * elu(x, 1.6732632423543772),
            "softsign": x / (1 + np.abs(x)),
        }.get(case, np.maximum(x, 0))
    np.testing.assert_allclose(y, want, atol=1e-6, rtol=1e-6)


def test_gradient_of_relu_at_zero_is_zero():
    zero = np.zeros(3, np.float32)
    for function in (A.relu, A.relu6):
        assert np.all(gradient_of(function, [zero])[0] == 0)


def test_glu_and_softmax():
    x = uniform((3, 6))
    np.testing.assert_allclose(A.glu(x), x[:, :3] * sigmoid(x[:, 3:]), rtol=1e-12)
    check_gradient(A.glu, [x])
    check_gradient(A.softmax, [x])
    check_gradient(A.log_softmax, [x])
    with pytest.raises(ValueError, match="divisible by 2"):
        A.glu(np.zeros((2, 3)))


def test_integers_become_floats():
    x = np.array([-1, 0, 2])
    assert A.sigmoid(x).dtype == np.float32
    assert ops.relu(x).dtype == np.int64 and ops.relu(x).tolist() == [0, 0, 2]


def test_get():
    assert A.get(None) is A.linear and A.get("relu") is A.relu and A.get(A.tanh) is A.tanh
    assert A.get("swish") is A.silu and A.get("hard_swish") is A.hard_silu

    def mine(x):
        return x

    assert A.get(mine) is mine
    with pytest.raises(ValueError, match=r"activation function identifier: sigmiod.*'sigmoid'"):
        A.get("sigmiod")
    with pytest.raises(ValueError, match="Could not interpret activation function identifier: 3"):
        A.get(3)


def test_serialize():
    assert A.serialize(A.relu) == "relu" and A.serialize(A.swish) == "silu"
    for name in ("relu", "softmax", "gelu", "hard_swish"):
        assert A.deserialize(A.serialize(A.get(name))) is A.get(name)

    def mine(x):
        return x

    config = A.serialize(mine)
    assert A.deserialize(config, custom_objects={"mine": mine}) is mine
    with pytest.raises(ValueError, match="'relu'"):
        A.deserialize("reluu")
