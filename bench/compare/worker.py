"""One contender in a process of its own: takes commands, answers with measurements, one JSON object a line.

    python worker.py CONTENDER

Commands: ``{"do": "prepare", "case": NAME, "tiny": BOOL, "seconds": S}`` (builds the model, runs one checked epoch,
chooses how many epochs fill S seconds), ``{"do": "measure"}`` (-> ms a step, MB at the peak), ``{"do": "one_row",
"seconds": S}`` (-> us a call). An answer with "error" has "expected": whether this contender cannot do that at all (it
is not installed, or does not train), rather than failed.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import statistics
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from cases import BY_NAME

#: contender -> (module here, class, arguments)
CONTENDERS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "pykernels": ("contender_keras", "KerasLike", {"module": "pykernels"}),
    "keras-tensorflow": ("contender_keras", "KerasLike", {"module": "keras"}),
    "keras-tensorflow-32": ("contender_keras", "KerasLike", {"module": "keras", "steps_per_execution": 32}),
    "keras-jax": ("contender_keras", "KerasLike", {"module": "keras"}),
    "keras-jax-32": ("contender_keras", "KerasLike", {"module": "keras", "steps_per_execution": 32}),
    "keras-torch": ("contender_keras", "KerasLike", {"module": "keras"}),
    "torch-fused": ("contender_torch", "Torch", {"implementation": "fused"}),
    "torch-foreach": ("contender_torch", "Torch", {"implementation": "foreach"}),
    "torch-fused-tcmalloc": ("contender_torch", "Torch", {"implementation": "fused"}),
    "onnxruntime": ("contender_onnx", "OnnxRuntime", {}),
    "jax-step": ("contender_jax", "Jax", {"scan": False}),
    "jax-scan": ("contender_jax", "Jax", {"scan": True}),
}


def _seconds(function: Any, *arguments: Any) -> float:
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def _peak_mb() -> float | None:
    """The most memory that this process has held, in MB (10^6 bytes); None where the system does not say."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024 / 1e6
    return None


class Worker:
    def __init__(self, contender: str) -> None:
        module, name, arguments = CONTENDERS[contender]
        self.contender = getattr(importlib.import_module(module), name)(**arguments)

    def prepare(self, case: str, tiny: bool, seconds: float) -> dict[str, Any]:
        self.case = BY_NAME[case].tiny() if tiny else BY_NAME[case]
        self.contender.prepare(self.case)
        if self.case.purpose == "predict":
            self.run = self._predict
            check = float(sum(abs(row - 1 / row.size).sum() for row in self.contender.predict()))
        else:
            self.run = self.contender.train
            check = self.contender.first_epoch()
        self.run(1)
        once = min(_seconds(self.run, 1) for _ in range(1 if self.case.heavy else 2))
        self.epochs = max(1, round(seconds / max(once, 1e-6)))
        if not self.case.heavy:
            self.run(self.epochs)
        return {"loss": check, "epochs": self.epochs, "steps": self.case.steps}

    def _predict(self, epochs: int) -> None:
        for _ in range(epochs):
            self.contender.predict()

    def measure(self) -> dict[str, Any]:
        taken = _seconds(self.run, self.epochs)
        return {"ms": 1e3 * taken / (self.epochs * self.case.steps), "peak_mb": _peak_mb()}

    def one_row(self, seconds: float) -> dict[str, Any]:
        result = {}
        for name, function in self.contender.one_row().items():
            for _ in range(20):
                function()
            times, end = [], time.perf_counter() + seconds
            while time.perf_counter() < end:
                times.append(_seconds(function))
            result[name] = 1e6 * statistics.median(times)
        return {"us": result}


def main() -> None:
    # What frameworks print must not get into the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(**what: Any) -> None:
        print(json.dumps(what), file=answers, flush=True)

    try:
        worker = Worker(sys.argv[1])
    except ImportError as error:
        answer(error=f"not installed: {error}", expected=True)
        return
    answer(version=worker.contender.version)
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer(**getattr(worker, command.pop("do"))(**command))
        except NotImplementedError as error:
            answer(error=str(error), expected=True)
        except Exception as error:
            traceback.print_exc()
            answer(error=f"{type(error).__name__}: {error}", expected=False)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
