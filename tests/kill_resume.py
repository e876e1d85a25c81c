"""`kill -9` at random moments of a training that makes checkpoints: `python tests/kill_resume.py --kills 200`.

A process trains with `BackupAndRestore(save_freq=3)` and is killed after a random time; another one goes on, and is
killed too, until one comes to the end. Its weights and optimizer must have the bits of a run that nobody killed.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

_CHILD = """
import hashlib, os, sys
import numpy as np
import pykernels as pk
from pykernels import callbacks, layers
folder = sys.argv[1]
rng = np.random.RandomState(0)
x, y = rng.rand(200, 12).astype("float32"), rng.randint(0, 3, 200)
saved = os.path.exists(os.path.join(folder, "backup", "latest.weights.h5"))
pk.utils.set_random_seed(int.from_bytes(os.urandom(3), "big") if saved else 5)  # a checkpoint brings its own
model = pk.Sequential([pk.Input((12,)), layers.Dense(32, activation="relu"), layers.Dropout(0.3), layers.Dense(3)])
model.compile("adam", pk.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
backup = callbacks.BackupAndRestore(os.path.join(folder, "backup"), save_freq=3, delete_checkpoint=False)
print("begins", saved, flush=True)
model.fit(x, y, batch_size=16, epochs=int(sys.argv[2]), verbose=0, callbacks=[backup])
values = model.get_weights() + model.optimizer.get_weights()
print("ends", hashlib.sha256(b"".join(v.tobytes() for v in values)).hexdigest(), flush=True)
"""


def start(folder, epochs: int) -> subprocess.Popen:
    command = [sys.executable, "-c", _CHILD, str(folder), str(epochs)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def finished(process) -> str:
    out, _ = process.communicate()
    if process.returncode != 0:
        raise AssertionError(f"a run ended with {process.returncode}")
    return out.split("ends ")[1].strip()


def run(kills: int, epochs: int = 20, seed: int = 0) -> dict:
    """Counts of kills, runs, resumptions from a checkpoint, runs that ended in other bits or left temporary files.

    A checkpoint that does not load raises.
    """
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        process = start(folder, epochs)
        process.stdout.readline()
        begin = time.monotonic()
        want = finished(process)
        seconds, startup = time.monotonic() - begin, begin - began
    done = runs = resumed = different = debris = 0
    while done < kills:
        with tempfile.TemporaryDirectory() as folder:
            runs += 1
            for _ in range(rng.choice((1, 2, 3))):
                process = start(folder, epochs)
                said = process.stdout.readline()
                if not said:
                    raise AssertionError("a run ended before its training began: its checkpoint did not load")
                resumed += said == "begins True\n"
                time.sleep(rng.uniform(0, seconds * 0.7))
                if process.poll() is None:
                    process.send_signal(signal.SIGKILL)
                    done += 1
                process.communicate()
                if process.returncode not in (0, -signal.SIGKILL):
                    raise AssertionError(f"a resumed run ended with {process.returncode}")
            different += finished(start(folder, epochs)) != want
            left = [p.name for p in pathlib.Path(folder).rglob("*") if p.name.endswith(".tmp")]
            debris += bool(left)
    return {
        "kills": done,
        "runs": runs,
        "resumed": resumed,
        "different": different,
        "debris": debris,
        "seconds": seconds,
        "startup": startup,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    root = str(pathlib.Path(__file__).resolve().parents[1])
    os.environ["PYTHONPATH"] = os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])
    result = run(options.kills, options.epochs, options.seed)
    print(result)
    sys.exit(1 if result["different"] or result["debris"] else 0)
