"""The short snippets of the documents: formulas, single steps, looks at data; whole programs are in test_seeds.py."""

from __future__ import annotations

import ast
import re
import textwrap

import numpy as np
import pytest
from notebook_cells import blocks

import pykernels as keras
from pykernels import activations, layers


def python_lines(text, *beginnings):
    """The lines of a document that begin with one of `beginnings`, without indentation."""
    return [line.strip() for line in text.splitlines() if line.strip().startswith(beginnings)]


def test_formulas_of_logistic_regression(seed):
    """Document 000: what its formulas compute is what `Dense` with that activation computes."""
    text = seed("000")
    binary = python_lines(text, "probability = sigmoid(dot(a, x) + b)")
    several = python_lines(text, "output = matmul(W, x) + b", "probabilities = softmax(matmul(W, x) + b)")
    letters = python_lines(text, *(f"probability_{letter} = sigmoid(output[" for letter in "ABC"))
    assert (len(binary), len(several), len(letters)) == (1, 2, 3)
    rng = np.random.default_rng(0)
    x = rng.normal(size=12).astype("float32")
    names = {"dot": np.dot, "matmul": np.matmul, "x": x}
    names.update(sigmoid=activations.sigmoid, softmax=lambda z: activations.softmax(z[np.newaxis])[0])

    def dense(kernel, bias, activation):
        layer = layers.Dense(len(bias), activation=activation)
        layer.build((None, 12))
        layer.set_weights([kernel, bias])
        return np.asarray(layer(x[np.newaxis]))[0]

    names.update(a=rng.normal(size=12).astype("float32"), b=np.float32(0.3))
    exec("\n".join(binary), names)
    # Sums of 12 products in float32, added in another order.
    np.testing.assert_allclose(
        names["probability"], dense(names["a"][:, np.newaxis], names["b"][np.newaxis], "sigmoid")[0], rtol=1e-5
    )
    names.update(W=rng.normal(size=(4, 12)).astype("float32"), b=rng.normal(size=4).astype("float32"))
    exec("\n".join(several + letters), names)
    np.testing.assert_allclose(names["probabilities"], dense(names["W"].T, names["b"], "softmax"), rtol=1e-5)
    want = dense(names["W"].T, names["b"], "sigmoid")[:3]
    np.testing.assert_allclose([names[f"probability_{letter}"] for letter in "ABC"], want, rtol=1e-5)


def test_formula_of_the_convolution(seed):
    """Document 003: the sum over a 3 x 3 window at every pixel, with a border of zeros, is `Conv2D`."""
    formula = next(code for code in blocks(seed("003"), "```") if code.startswith("y[i,j] = w[0,0] * x[i-1,j-1]"))
    program = compile("(" + formula.partition("=")[2].strip() + ")", "formula", "eval")
    rng = np.random.default_rng(1)
    image, kernel = rng.normal(size=(6, 5)).astype("float32"), rng.normal(size=(3, 3)).astype("float32")
    bias = np.float32(0.5)
    layer = layers.Conv2D(1, 3, padding="same")
    layer.build((None, 6, 5, 1))
    layer.set_weights([kernel[..., np.newaxis, np.newaxis], bias[np.newaxis]])
    padded = np.pad(image, 1)
    want = [
        [eval(program, {"w": kernel, "x": padded, "i": i, "j": j, "bias": bias}) for j in range(1, 6)]
        for i in range(1, 7)
    ]
    got = np.asarray(layer(image[np.newaxis, ..., np.newaxis]))[0, ..., 0]
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)  # sums of 9 products in float32


def steps_of_the_digits_lesson(text):
    """Document 002: the snippets of its three steps, before the complete program."""
    before = text[: text.index("Appendix")]
    return [textwrap.dedent(code) for code in re.findall(r"^ *~~~python\n(.*?)^ *~~~", before, re.M | re.S)]


def test_steps_of_the_digits_lesson(run_python, tmp_path, seed):
    """Document 002: model, layers, compile, evaluate and predict, one snippet after another."""
    snippets = steps_of_the_digits_lesson(seed("002"))
    slip = next(code for code in snippets if "'categorical crossentropy'" in code)  # without its underscore
    snippets.remove(slip)
    assert len(snippets) == 7
    first = next(i for i, code in enumerate(snippets) if "model.evaluate" in code)
    program = [
        "import numpy as np",
        "from keras.models import Sequential",
        "from keras.layers import Dense",
        "x_train, x_test = np.random.random((200, 28 * 28)), np.random.random((50, 28 * 28))",
        "y_train, y_test = np.eye(10)[np.arange(200) % 10], np.eye(10)[np.arange(50) % 10]",
        *snippets[:first],
        "model.fit(x_train, y_train, batch_size=100, nb_epoch=2)",  # step 3 names its four arguments
        *snippets[first:],
        "print(result.shape, model.count_params())",
    ]
    (tmp_path / "steps.py").write_text("\n".join(program))
    lines = run_python("-m", "pykernels", "steps.py", check=True).stdout.splitlines()
    assert lines[-1] == f"(50, 10) {784 * 500 + 500 + 500 * 500 + 500 + 500 * 10 + 10}"
    loss, accuracy = (
        float(re.sub(r".*Set: ", "", line)) for line in lines if "Testing Set: " in line or "Set: " in line
    )
    assert 1.5 < loss < 4 and 0 <= accuracy <= 1  # random images of ten classes: about ln 10


def test_a_slip_in_the_digits_lesson_is_explained(seed):
    """Document 002 once writes 'categorical crossentropy': the error says how the loss is spelled."""
    slip = next(code for code in steps_of_the_digits_lesson(seed("002")) if "'categorical crossentropy'" in code)
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    with pytest.raises(ValueError, match=r"Did you mean 'categorical_crossentropy'"):
        exec(slip, {"model": model})


def test_a_look_at_the_clothes(run_python, tmp_path, seed, shared_data):
    """Document 004: the shapes that it prints, pictures of ten samples, and rows of 784 pixels."""
    pytest.importorskip("matplotlib")
    code = blocks(seed("004"), "~~~")
    loading = next(block for block in code if "np.load('fashion.npz')" in block)
    shapes = next(block for block in code if block.startswith("train_data.shape, "))
    printed = code[code.index(shapes) + 1].strip()
    pictures = next(block for block in code if "ax.imshow" in block)
    rows = next(block for block in code if block.startswith("train_data_1d ="))
    program = [
        "import matplotlib.pyplot as plt",
        loading,
        f"print(({shapes.strip()}))",
        pictures,
        "print(len(plt.get_fignums()))",
        rows,
        "print(train_data_1d.shape, test_data_1d.shape)",
    ]
    (tmp_path / "look.py").write_text("\n".join(program))
    (tmp_path / "fashion.npz").symlink_to(shared_data / "fashion-npz" / "fashion.npz")
    lines = run_python("-m", "pykernels", "look.py", env={"MPLBACKEND": "agg"}, check=True).stdout.splitlines()
    assert ast.literal_eval(lines[0]) == ast.literal_eval(printed)
    assert lines[1:] == ["10", "(600, 784) (100, 784)"]
