"""The programs of the documents that this library promises to run, taken out of the documents as they stand."""

from __future__ import annotations

import ast
import math
import re

import numpy as np
import pytest
from notebook_cells import blocks


@pytest.fixture
def keras_home(tmp_path, shared_data):
    """A Keras folder with the original MNIST files, as KERAS_HOME."""
    (tmp_path / "home" / "datasets").mkdir(parents=True)
    (tmp_path / "home" / "datasets" / "mnist").symlink_to(shared_data / "mnist")
    return {"KERAS_HOME": str(tmp_path / "home")}


def test_mnist_program(run_python, tmp_path, seed, keras_home):
    """Document 002: the complete program, with 4 of its 20 epochs."""
    program = next(code for code in blocks(seed("002"), "~~~") if "__main__" in code)
    assert "from keras.layers.core import Dense" in program and "epochs=20" in program
    (tmp_path / "mnist.py").write_text(program.replace("epochs=20", "epochs=4"))
    done = run_python("-m", "pykernels", "mnist.py", env=keras_home, check=True)
    lines = done.stdout.splitlines()
    assert [line for line in lines if line.startswith("Epoch")] == [f"Epoch {n}/4" for n in range(1, 5)]
    progress = [line for line in lines if line.startswith("100/100 ") and "loss: " in line and "accuracy: " in line]
    assert len(progress) == 4
    # the document prints 0.8964, 0.9119, 0.9268 for the training part after epochs 2, 3 and 4
    assert float(lines[-1].removeprefix("Test Acc: ")) > 0.89


def test_linear_model(run_python, tmp_path, seed):
    """Document 001: y = 2a + 3b + 1 by SGD with batches of one."""
    text = seed("001")
    for line in ("x = random((30,2))", "y = np.dot(x, [2., 3.]) + 1.", "lm.fit(x, y, nb_epoch=5, batch_size=1)"):
        assert line in text
    found = re.search(r"^lm = Sequential\(\[ Dense\(1.*\n(lm\.compile.*)$", text, re.M)
    program = "\n".join(
        [
            "import numpy as np",
            "from numpy.random import random, seed",
            "from keras.models import Sequential",
            "from keras.layers.core import Dense",
            "from keras.optimizers import SGD",
            "seed(1)",
            "x = random((30,2))",
            "y = np.dot(x, [2., 3.]) + 1.",
            found[0],
            "print(lm.evaluate(x, y, verbose=0))",
            *["lm.fit(x, y, nb_epoch=5, batch_size=1)"] * 4,
            "print(lm.evaluate(x, y, verbose=0))",
            "kernel, bias = lm.get_weights()",
            "print(*kernel.ravel(), *bias)",
        ]
    )
    (tmp_path / "linear.py").write_text(program)
    lines = run_python("-m", "pykernels", "linear.py", check=True).stdout.splitlines()
    np.testing.assert_allclose([float(word) for word in lines[-1].split()], [2, 3, 1], atol=1e-2)
    assert float(lines[-2]) < 1e-3 < float(lines[0])


def test_lesson_nets(run_python, tmp_path, seed, shared_data):
    """Document 004: two nets on fashion.npz; the lesson forgets to pass its reshaped arrays, its text says so."""
    code = blocks(seed("004"), "~~~")
    wanted = (
        "import numpy as np",
        "from keras",
        "train_data_1d =",
        "model = Sequential()",
        "model.compile",
        "model.fit",
    )
    program = "".join(block for block in code if any(word in block for word in (*wanted, "model.evaluate")))
    assert program.count("model = Sequential()") == 2
    # "the number of columns is the total number of pixels in each image: 784"
    program = program.replace("train_data.shape[-1]", "train_data_1d.shape[-1]")
    program = program.replace("model.fit(train_data,", "model.fit(train_data_1d,")
    program = program.replace("model.evaluate(test_data,", "r = model.evaluate(test_data_1d,")
    program = "import keras\nkeras.utils.set_random_seed(1)\n" + program
    training = program[program.index("model.compile") : program.index("model = Sequential()", program.index("r = "))]
    program += training + "print(r)\n"
    program = program.replace("r = model", "print(model.count_params()); r = model")
    (tmp_path / "lesson.py").write_text(program)
    (tmp_path / "fashion.npz").symlink_to(shared_data / "fashion-npz" / "fashion.npz")
    lines = run_python("-m", "pykernels", "lesson.py", check=True).stdout.splitlines()
    counts = [int(line) for line in lines if line.isdigit()]
    assert counts == [784 * 10 + 10 + 33, 784 * 10 + 10 + 110 + 33]
    assert sum("val_loss" in line for line in lines) == 20
    loss, accuracy = (float(word) for word in lines[-1].strip("[]").split(","))
    assert accuracy > 0.8 and loss < 0.6  # one of three classes by chance: 0.33


def test_untrained_check(run_python, tmp_path, seed):
    """Document 000: before training, the loss of 20 classes is about ln 20 and the accuracy about 1/20."""
    block = next(code for code in blocks(seed("000"), "```") if "image_width = 32" in code)
    program = block.replace("”", "").replace("“", "")  # a quotation mark of the typesetter's
    program += (
        "rng = np.random.default_rng(0)\n"
        "x = rng.integers(0, 256, (960, 32, 32, 3)) / 127.5 - 1\n"
        "y = keras.utils.to_categorical(rng.integers(0, 20, 960), num_classes)\n"
        "def batches():\n"
        "    for i in range(0, 960, 64):\n"
        "        yield x[i:i + 64], y[i:i + 64]\n"
        "print(model.evaluate_generator(batches()))\n"
        "h = model.fit_generator(batches(), epochs=1, workers=4)\n"
        "print(sorted(h.history), len(h.history['acc']))\n"
        "import keras.backend as K\n"
        "K.set_value(model.optimizer.lr, K.get_value(model.optimizer.lr) / 10)\n"
        "print(round(float(K.get_value(model.optimizer.lr)), 8))\n"
    )
    (tmp_path / "untrained.py").write_text(program)
    lines = run_python("-m", "pykernels", "untrained.py", check=True).stdout.splitlines()
    assert any("61,460" in line for line in lines)  # summary's count
    result = next(line for line in lines if re.fullmatch(r"\[[\d.e-]+, [\d.e-]+\]", line))
    loss, accuracy = (float(word) for word in result.strip("[]").split(","))
    # pixels uniform in -1..1 and Glorot's weights give logits of variance about 0.67, which add about half of it
    assert math.log(20) - 0.1 < loss < math.log(20) + 0.7
    assert 0.02 < accuracy < 0.09
    assert lines[-2].startswith("['accuracy', 'loss']") and lines[-1] == "0.0001"


def convnet_blocks(text):
    """The programs of document 003: the model, its training, the chained history, the change of the learning rate."""
    code = blocks(text, "```")
    first = next(block for block in code if "model.add(GlobalAveragePooling2D())" in block)
    marks = ("fit_generator", "def combine_histories", "K.set_value")
    rest = [next(block for block in code if mark in block) for mark in marks]
    return "\n".join(line for line in first.splitlines() if not line.startswith("%")), rest


def test_convnet_summary(run_python, tmp_path, seed):
    """Document 003: the summary that it prints, with the same shapes and counts of each layer."""
    text = seed("003")
    row = r"(\(None[\d, ]*\))\W+([\d,]+)"  # a shape, then a count
    printed = next(block for block in blocks(text, "```") if "Total params" in block)
    want = [(shape, int(count)) for shape, count in re.findall(row, printed)]
    assert len(want) == 14
    (tmp_path / "model.py").write_text(convnet_blocks(text)[0] + "\nmodel.summary()\n")
    output = run_python("-m", "pykernels", "model.py", check=True).stdout
    rows = re.findall(row, output)
    assert [(shape, int(count.replace(",", ""))) for shape, count in rows] == want
    assert "Total params: 1,177,396" in output and "Trainable params: 1,177,396" in output
    assert "Non-trainable params: 0" in output


CONVNET_DATA = '''
from pykernels.utils import set_random_seed
set_random_seed(1)
rng = np.random.default_rng(0)

class Photos:
    """Two classes of 20 appear: dark and bright, in noise."""

    def __init__(self, batches):
        y = rng.integers(0, 2, (batches, 16))
        self.x = rng.normal(size=(batches, 16, image_height, image_width, 3)).astype("float32")
        self.x += (2.0 * y - 1)[..., None, None, None]
        self.y = np.eye(num_classes, dtype="float32")[y]

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.y[i]

train_generator, val_generator = Photos(6), Photos(2)
'''


def test_convnet_trains(run_python, tmp_path, seed):
    """Document 003 with images of 16 x 16: the loss of 20 classes starts near ln 20 and falls."""
    pytest.importorskip("matplotlib")
    model, (training, combining, annealing) = convnet_blocks(seed("003"))
    model = re.sub(r"^(image_\w+ = )224$", r"\g<1>16", model, flags=re.M)
    assert model.count("= 16\n") == 2
    training = training.replace("histories = []", "histories = []\nprint(model.evaluate(val_generator, verbose=0))")
    # the document indents what follows the first function by two
    combining = combining.replace("\n  history = combine", "\nhistory = combine").replace("\n  def", "\ndef")
    last = "print(K.get_value(model.optimizer.lr))\nprint([history[k] for k in ('loss', 'val_acc')])\n"
    (tmp_path / "convnet.py").write_text("\n".join([model, CONVNET_DATA, training, combining, annealing, last]))
    lines = run_python("-m", "pykernels", "convnet.py", env={"MPLBACKEND": "agg"}, check=True).stdout.splitlines()
    results = [line for line in lines if line.startswith("[")]
    before, _ = ast.literal_eval(results[0])
    losses, accuracies = ast.literal_eval(results[-1])
    assert abs(before - math.log(20)) < 0.3
    assert len(losses) == 5 and losses[-1] < 1.0 < losses[0]
    assert accuracies[-1] > 0.8
    assert abs(float(lines[-2]) - 1e-4) < 1e-9
