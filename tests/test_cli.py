"""``python -m pykernels``: scripts run as python runs them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

SCRIPTS = {
    "argv": "import sys\nprint(sys.argv[1:], __name__, sys.argv[0] == __file__ or sys.argv[0])\n",
    "path": "import os, sys\nprint(os.path.realpath(sys.path[0]) == os.path.dirname(os.path.realpath(__file__)))\n",
    "names": "print(sorted(set(globals()) - {'__annotations__'}), __spec__, __package__, __builtins__)\n",
    "pickle": "import pickle\nclass A: pass\nprint(type(pickle.loads(pickle.dumps(A()))) is A)\n",
    "exit code": "import sys\nprint('out')\nsys.exit(3)\n",
    "exit text": "import sys\nsys.exit('the reason')\n",
    "exit nothing": "import sys\nsys.exit()\n",
    "traceback": "def f(x):\n    return 1 / x\n\nf(0)\n",
    "chained": "try:\n    {}['a']\nexcept KeyError as e:\n    raise ValueError('b') from e\n",
    "syntax": "x = 1\nif x\n    pass\n",
    "encoding": "# -*- coding: latin-1 -*-\nprint(len('\u00e4'))\n",
    "atexit": "import atexit\natexit.register(print, 'last')\nraise RuntimeError('first')\n",
    "future": "from __future__ import annotations\ndef f(x: not_defined): pass\nprint(f.__annotations__)\n",
    "excepthook": "import sys\nsys.excepthook = lambda t, e, tb: print('mine', e, tb.tb_lineno)\nraise ValueError(1)\n",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_cannot_tell_the_difference(run_python, tmp_path, name):
    script = tmp_path / "script.py"
    script.write_bytes(SCRIPTS[name].encode("latin-1"))
    plain = run_python("script.py", "-a", "b c")
    ours = run_python("-m", "pykernels", "script.py", "-a", "b c")
    assert ours.returncode == plain.returncode
    assert ours.stdout == plain.stdout
    # addresses and the like are not in these scripts: the very same text
    assert ours.stderr == plain.stderr


def test_missing_script(run_python):
    plain, ours = run_python("no such.py"), run_python("-m", "pykernels", "no such.py")
    assert (ours.returncode, ours.stderr) == (plain.returncode, plain.stderr)


def test_code_module_and_standard_input(run_python, tmp_path):
    code = "import sys, keras; print(sys.argv, keras.layers.Dense.__module__.split('.')[0])"
    assert run_python("-m", "pykernels", "-c", code, "a").stdout == "['-c', 'a'] pykernels\n"
    assert run_python("-m", "pykernels", "-", "a", stdin=code).stdout == "['-', 'a'] pykernels\n"
    (tmp_path / "mod.py").write_text(code + "\nassert __name__ == '__main__'\n")
    assert run_python("-m", "pykernels", "-m", "mod", "a").stdout.endswith("mod.py', 'a'] pykernels\n")
    assert run_python("-m", "pykernels", "-c").returncode == 2
    package = tmp_path / "folder"
    package.mkdir()
    (package / "__main__.py").write_text(code + "\nimport beside\n")
    (package / "beside.py").write_text("print('beside')\n")
    assert run_python("-m", "pykernels", "folder", "x").stdout == "['folder', 'x'] pykernels\nbeside\n"


def test_plain_python_is_not_affected(run_python, tmp_path):
    (tmp_path / "keras.py").write_text("here = True\n")
    done = run_python("-c", "import pykernels, keras; print(keras.here)", check=True)
    assert done.stdout == "True\n"
    done = run_python("-m", "pykernels", "-c", "import keras; print(hasattr(keras, 'here'))", check=True)
    assert done.stdout == "False\n"


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_an_interrupted_script_ends_as_python_does(tmp_path):
    script = tmp_path / "wait.py"
    script.write_text("import time\nprint('ready', flush=True)\ntime.sleep(60)\n")
    codes = []
    for command in (["wait.py"], ["-m", "pykernels", "wait.py"]):
        process = subprocess.Popen(
            [sys.executable, *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # background jobs of a shell ignore it
        )
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        codes.append((process.returncode, errors))
    assert codes[0] == codes[1]
    assert codes[1][0] == -signal.SIGINT


def test_info(run_python):
    done = run_python("-m", "pykernels", "info", check=True)
    for word in ("pykernels", "instruction set", "available", "threads", "openmp", "compiler"):
        assert word in done.stdout
    assert run_python("-m", "pykernels", "info", "more").returncode == 2


def test_help_and_usage(run_python):
    helped = run_python("-m", "pykernels", "--help", check=True)
    assert "demo" in helped.stdout and "info" in helped.stdout
    assert run_python("-m", "pykernels").returncode == 2
    unknown = run_python("-m", "pykernels", "--nonsense")
    assert unknown.returncode == 2 and "--nonsense" in unknown.stderr
    assert run_python("-m", "pykernels", "--version", check=True).stdout.startswith("pykernels ")


def test_demo(run_python, tmp_path):
    done = run_python("-m", "pykernels", "demo", "--output", "out", "--epochs", "12", check=True)
    for text in ("Total params", "Epoch 12/12", "held-out digits", "predicts the same, bit by bit"):
        assert text in done.stdout, done.stdout
    accuracy = float(done.stdout.split("accuracy ")[-1].split()[0])
    assert accuracy > 0.85  # the held-out digits are by other writers: 30 epochs give 0.92
    assert (tmp_path / "out" / "digits.weights.h5").stat().st_size > 0
    assert run_python("-m", "pykernels", "demo", "--epochs", "0").returncode == 2


def test_demo_pictures(run_python, tmp_path):
    pytest.importorskip("matplotlib")
    from PIL import Image

    run_python("-m", "pykernels", "demo", "--output", "out", "--epochs", "2", check=True)
    for name in ("curves.png", "confusion_matrix.png"):
        with Image.open(tmp_path / "out" / name) as picture:
            assert min(picture.size) > 300
            assert len(picture.convert("RGB").getcolors(1 << 20)) > 50
