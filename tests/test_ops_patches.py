"""Patches, attention, decoding and views beside Keras (JAX); and that no name of keras.ops is missing."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from op_oracle import Case, check, keras, normal, table, whole

from pykernels import ops
from pykernels.graph import Tensor

IMAGES = normal(2, 5, 7, 3)
EVEN = normal(2, 4, 6, 8)
PLANES = normal(2, 3, 6, 5)
Q, K, V = normal(2, 3, 4, 5), normal(2, 6, 4, 5), normal(2, 6, 4, 5)
MASK = np.arange(18).reshape(3, 6) % 4 > 0

CASES = (
    Case("adaptive_average_pool", lambda o, x: o.adaptive_average_pool(x, (2, 3)), IMAGES),
    Case("adaptive_average_pool series", lambda o, x: o.adaptive_average_pool(x, 4), normal(2, 7, 3)),
    Case("adaptive_average_pool first", lambda o, x: o.adaptive_average_pool(x, 2, "channels_first"), PLANES),
    Case("adaptive_max_pool", lambda o, x: o.adaptive_max_pool(x, (2, 3)), IMAGES),
    Case("adaptive_max_pool volumes", lambda o, x: o.adaptive_max_pool(x, 2), normal(1, 3, 4, 5, 2)),
    Case("depth_to_space", lambda o, x: o.depth_to_space(x, 2), EVEN, batch=True),
    Case("depth_to_space first", lambda o, x: o.depth_to_space(x, 2, "channels_first"), normal(2, 8, 2, 3)),
    Case("space_to_depth", lambda o, x: o.space_to_depth(x, 2), EVEN, batch=True),
    Case("space_to_depth first", lambda o, x: o.space_to_depth(x, 2, "channels_first"), normal(2, 3, 4, 6)),
    Case("unfold", lambda o, x: o.unfold(x, 2), PLANES),
    Case("unfold all", lambda o, x: o.unfold(x, (3, 2), dilation=(1, 2), padding=(1, 0), stride=(2, 1)), PLANES),
    Case("fold", lambda o, x: o.fold(x, (4, 5), 2), normal(2, 12, 12)),
    Case("fold all", lambda o, x: o.fold(x, 5, (3, 2), padding=(1, 0), stride=(2, 1)), normal(2, 12, 12)),
    Case("multi_hot", lambda o, x: o.multi_hot(x, 5), whole(5, 3, 4)),
    Case("multi_hot vector", lambda o, x: o.multi_hot(x, 5, dtype="int32"), whole(5, 4)),
    Case("sparsemax", lambda o, x: o.sparsemax(x), 3 * normal(4, 5), batch=True),
    Case("sparsemax axis", lambda o, x: o.sparsemax(x, axis=0), normal(4, 5)),
    Case("psnr", lambda o, a, b: o.psnr(a, b, 2.0), IMAGES, IMAGES + 0.1),
    Case("polar", lambda o, a, b: o.polar(a, b), normal(3), normal(3), grad=False, recorded=False),
    Case("view_as_complex", lambda o, a: o.view_as_complex(a), normal(3, 2), grad=False, recorded=False),
    Case("view_as_real", lambda o, a: o.view_as_real(a), np.complex64([1 + 2j, 3]), grad=False, recorded=False),
    Case("view", lambda o, x: o.view(x, "int32"), normal(3, 4), grad=False, compiled=False),
    Case("view smaller", lambda o, x: o.view(x, "uint8"), normal(3, 4), grad=False, compiled=False),
    Case("dot_product_attention", lambda o, q, k, v: o.dot_product_attention(q, k, v), Q, K, V),
    Case("dot_product_attention causal", lambda o, q, k, v: o.dot_product_attention(q, k, v, is_causal=True), Q, K, V),
    Case(
        "dot_product_attention all",
        lambda o, q, k, v, b: o.dot_product_attention(q, k, v, b, MASK, 0.3),
        *(Q, K, V, normal(4, 3, 6)),
    ),
    Case(
        "dot_product_attention groups",
        lambda o, q, k, v: o.dot_product_attention(q, k, v),
        *(Q, normal(2, 6, 2, 5), normal(2, 6, 2, 5)),
    ),
    Case("ctc_decode", lambda o, x, n: o.ctc_decode(x, n), normal(3, 6, 4), np.int32([6, 3, 1]), grad=False),
    Case(
        "ctc_decode repeated",
        lambda o, x, n: o.ctc_decode(x, n, merge_repeated=False, mask_index=2),
        *(normal(3, 6, 4), np.int32([6, 3, 1])),
        grad=False,
    ),
)


@table(*CASES)
def test_as_keras(case):
    check(case)


def test_soft_cap_and_value_depth():
    """Which Keras on JAX has on TPUs only, and not at all."""
    logits = np.einsum("btnh,bsnh->bnts", Q, K) * 0.5
    logits = logits / (1 + np.abs(logits) / 2)
    weights = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    have = ops.dot_product_attention(Q, K, V[..., :2], scale=0.5, attn_logits_soft_cap=2.0)
    np.testing.assert_allclose(have, np.einsum("bnts,bsnh->btnh", weights, V[..., :2]), rtol=1e-5, atol=1e-6)


def test_no_name_of_keras_ops_is_missing():
    public = {name for name in dir(keras.ops) if not name.startswith("_")}
    assert public - {*ops.__all__} - {"linalg", "nn", "numpy"} == set()
    for name in public:
        assert inspect.ismodule(getattr(ops, name)) == inspect.ismodule(getattr(keras.ops, name)), name


def test_families_on_demand_hold_the_names_that_they_list():
    for family, names in ops.ON_DEMAND.items():
        module = __import__(f"pykernels.ops.{family}", fromlist=[family])
        assert sorted(module.__all__) == sorted(names.split()), family


def test_ops_under_the_names_of_keras_modules():
    for module in ("numpy", "nn", "linalg"):
        for name in dir(getattr(keras.ops, module)):
            if not name.startswith("_"):
                assert getattr(getattr(ops, module), name) is getattr(ops, name), (module, name)
    with pytest.raises(AttributeError, match="nonsense"):
        ops.numpy.nonsense  # noqa: B018


def test_wrong_arguments_are_named():
    symbolic = Tensor((3, 2), "float32")
    for error, words, call in (
        (ValueError, "output_size", lambda: ops.adaptive_max_pool(IMAGES, 0)),
        (ValueError, "divisible", lambda: ops.depth_to_space(IMAGES, 2)),
        (ValueError, "divisible", lambda: ops.space_to_depth(IMAGES, 2)),
        (ValueError, "does not fit", lambda: ops.unfold(PLANES, 9)),
        (ValueError, "fold", lambda: ops.fold(normal(2, 12, 3), 4, 2)),
        (ValueError, "num_classes", lambda: ops.multi_hot(whole(3, 4))),
        (ValueError, "match", lambda: ops.psnr(IMAGES, EVEN, 1.0)),
        (ValueError, "complex", lambda: ops.polar(symbolic, symbolic)),
        (ValueError, "4D", lambda: ops.dot_product_attention(Q[0], K, V)),
        (ValueError, "flash_attention", lambda: ops.dot_product_attention(Q, K, V, flash_attention=True)),
        (NotImplementedError, "greedy", lambda: ops.ctc_decode(Q, [1], "beam_search")),
        (ValueError, "best", lambda: ops.ctc_decode(Q, [1], "best")),
        (ValueError, "uint8", lambda: ops.view(np.zeros((2, 3), "uint8"), "int32")),
    ):
        with pytest.raises(error, match=words):
            call()
