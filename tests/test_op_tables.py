"""What the kernels say of ops and activations, and who must agree with it."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from pykernels import _core
from pykernels.graph import OP_TABLES, Trace, apply, definition, op_names
from pykernels.ops.activations import FORMS
from pykernels.saving.onnx import rules

ROOT = Path(__file__).parent.parent


def test_list_of_ops_in_the_documentation_is_up_to_date():
    spec = importlib.util.spec_from_file_location("op_list", ROOT / "docs" / "site" / "op_list.py")
    op_list = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(op_list)
    text = op_list.PAGE.read_text(encoding="utf-8")
    assert op_list.page(text) == text, "run python docs/site/op_list.py"
    assert "| softsign | x / (1 + \\|x\\|) | output |" in text
    with pytest.raises(ValueError, match="missing"):
        op_list.page(text.replace(op_list.END, ""))


def test_every_op_has_a_family_and_a_form():
    for name, family, form in _core.op_entries():
        assert family and re.search(r"-> \S", form), (name, family, form)


def test_tables_hold_ops():
    registered = {name for name, _, _ in _core.op_entries()}
    for family in ("unary", "predicate", "binary", "compare"):
        assert set(OP_TABLES[family]) <= registered
        assert set(OP_TABLES[family]) <= set(op_names())
    assert OP_TABLES["unary"]["exp"] == {"dtypes": ("float32", "float64"), "transcendental": True}
    assert OP_TABLES["unary"]["square"] == {"dtypes": ("float32", "float64", "int32", "int64"), "transcendental": False}
    assert OP_TABLES["activation"]["leaky_relu"] == {
        "formula": "x where x > 0, alpha x elsewhere",
        "gradient_reads": "output",
        "takes_alpha": True,
        "dtypes": ("float32", "float64"),
        "transcendental": False,
    }


def test_a_dtype_that_no_kernel_takes_is_refused_when_recorded():
    with Trace() as trace, pytest.raises(ValueError, match="exp does not take dtype int32"):
        apply("exp", [trace.placeholder((3,), "int32")])


def test_every_activation_has_a_form_in_files():
    assert set(FORMS) == set(OP_TABLES["activation"])


def test_no_op_has_two_forms_in_onnx():
    for name in op_names():
        assert (definition(name).onnx is None) or name not in rules._COMPOSED
    for name, form in FORMS.items():
        assert (form.onnx is not None) + (name in rules._ACTIVATIONS) == 1, name
