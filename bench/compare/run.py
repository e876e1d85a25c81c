"""Compare whole training steps: pykernels and its peers, the same models, data and batches, in one run.

    python bench/compare/run.py --python pykernels=PYTHON --python peers=PYTHON [--json FILE]

Each contender runs in a process of its own, with the interpreter that ``--python`` gives for its name, for the
beginning of its name (``keras``, ``torch``, ``jax``), for ``peers``, or else this one. All of a case are measured in
turn, there and back (A B C, C B A, ...), so that a change of the machine's mood meets all alike. The first epoch's
loss, from equal weights and in equal order, has to agree between all contenders.

The exit code is 1 when contenders disagree, when one fails, and when pykernels or a contender that `--contenders` names
is not installed; other contenders that are not installed are listed as such.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from cases import CASES

HERE = Path(__file__).parent

#: contender -> environment; the names are those of worker.CONTENDERS
CONTENDERS: dict[str, dict[str, str]] = {
    "pykernels": {},
    "keras-tensorflow": {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "2"},
    "keras-tensorflow-32": {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "2"},
    "keras-jax": {"KERAS_BACKEND": "jax"},
    "keras-jax-32": {"KERAS_BACKEND": "jax"},
    "keras-torch": {"KERAS_BACKEND": "torch"},
    "torch-fused": {},
    "torch-foreach": {},
    "torch-fused-tcmalloc": {"LD_PRELOAD": "libtcmalloc_minimal.so.4"},
    "onnxruntime": {},
    "jax-step": {"JAX_PLATFORMS": "cpu"},
    "jax-scan": {"JAX_PLATFORMS": "cpu"},
}


class Contender:
    """A worker process, or the reason why there is none (`problem`); `failed`: it should not have happened."""

    def __init__(self, name: str, python: str, cpus: set[int] | None) -> None:
        self.name, self.problem, self.version, self.failed = name, None, None, False
        environment = {**os.environ, **CONTENDERS[name]}
        environment.pop("PYTHONPATH", None)
        if cpus is not None:
            environment["OMP_NUM_THREADS"] = str(len(cpus))
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115 (lives as long as the process)
        self.process = subprocess.Popen(
            [python, str(HERE / "worker.py"), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            env=environment,
            cwd=tempfile.gettempdir(),
            preexec_fn=None if cpus is None else lambda: os.sched_setaffinity(0, cpus),
        )
        hello = self._answer()
        self.version = hello.get("version")
        if self.problem is None and "tcmalloc" in name and not self._has("tcmalloc"):
            self.problem = "not installed: the library libtcmalloc_minimal.so.4 is not there"
            self.close()

    def _has(self, library: str) -> bool:
        maps = Path(f"/proc/{self.process.pid}/maps")
        return maps.exists() and library in maps.read_text()

    def _answer(self) -> dict[str, Any]:
        line = self.process.stdout.readline()
        if line:
            answer = json.loads(line)
        else:
            self.log.seek(0)
            tail = self.log.read().strip().splitlines()[-1:] or ["no message"]
            answer = {"error": f"the process ended: {tail[0]}", "expected": False}
        self.problem = answer.get("error", self.problem)
        self.failed = self.failed or not answer.get("expected", True)
        return answer

    def tell(self, do: str, **what: Any) -> dict[str, Any]:
        """One command; after an error the answer is empty and `problem` says why."""
        if self.problem is not None:
            return {}
        try:
            self.process.stdin.write(json.dumps({"do": do, **what}) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        answer = self._answer()
        return {} if self.problem else answer

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(60)


def _python_for(name: str, given: dict[str, str]) -> str:
    for key in (name, name.partition("-")[0], *([] if name == "pykernels" else ["peers"])):
        if key in given:
            return given[key]
    return sys.executable


def _spread(values: list[float]) -> dict[str, Any]:
    return {"median": statistics.median(values), "least": min(values), "most": max(values), "all": values}


def measure(case: Any, contenders: list[Contender], options: argparse.Namespace) -> dict[str, Any]:
    """All contenders on one case: {contender: result}; a contender that failed has ``problem`` instead."""
    results: dict[str, Any] = {}
    alive = [contender for contender in contenders if contender.problem is None]
    for contender in alive:
        what = {"case": case.name, "tiny": options.tiny, "seconds": options.seconds}
        results[contender.name] = contender.tell("prepare", **what)
    samples: dict[str, list[float]] = {contender.name: [] for contender in alive}
    for repeat in range(min(options.repeats, 3) if case.heavy else options.repeats):
        for contender in alive if repeat % 2 == 0 else reversed(alive):
            answer = contender.tell("measure")
            if answer:
                samples[contender.name].append(answer["ms"])
                results[contender.name]["peak_mb"] = answer["peak_mb"]
    for contender in alive:
        result = results[contender.name]
        if samples[contender.name]:
            result["ms"] = _spread(samples[contender.name])
        if not case.heavy:
            result.update(contender.tell("one_row", seconds=0.3))
        if contender.problem:
            result["problem"], contender.problem = contender.problem, None
            if contender.process.poll() is not None:
                contender.problem = result["problem"]
    return results


def disagreements(case: Any, results: dict[str, Any]) -> list[str]:
    """Contenders whose first pass (loss, or a sum over predictions) is more than 0.2% from the median (5% where dropout
    draws): they compute something else."""
    allowed = 5e-2 if case.random else 2e-3
    losses = {name: result["loss"] for name, result in results.items() if "loss" in result}
    if not losses:
        return []
    middle = statistics.median(losses.values())
    return [
        f"{name}: {loss:.6g}, median {middle:.6g}"
        for name, loss in losses.items()
        if not abs(loss / middle - 1) < allowed
    ]


def _row(cells: list[str], widths: list[int]) -> str:
    return "| " + " | ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)) + " |"


def print_case(case: Any, results: dict[str, Any]) -> None:
    """One table, the quickest first; the last column is the time as a multiple of pykernels'."""
    print(f"\n{case.title}  ({case.steps} steps an epoch)\n")
    ours = results.get("pykernels", {}).get("ms", {}).get("median")
    order = sorted(results, key=lambda name: results[name].get("ms", {}).get("median", float("inf")))
    last = ["images/s", "peak MB"] if case.heavy else ["predict us", "model(x) us"]
    rows = [["contender", "ms/step", "least", "most", "x pykernels", *last]]
    for name in order:
        result = results[name]
        if "ms" not in result:
            rows.append([name, result.get("problem", "nothing measured")[:60], "", "", "", "", ""])
            continue
        ms, us = result["ms"], result.get("us", {})
        if case.heavy:
            last = [f"{1e3 * case.batch / ms['median']:.1f}", f"{result.get('peak_mb') or 0:.0f}"]
        else:
            last = [f"{us[key]:.1f}" if key in us else "" for key in ("predict", "model(x)")]
        times = [f"{ms[key]:.4f}" for key in ("median", "least", "most")]
        rows.append([name, *times, f"{ms['median'] / ours:.2f}" if ours else "", *last])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for i, row in enumerate(rows):
        print(_row(row, widths))
        if i == 0:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    for line in disagreements(case, results):
        print(f"DISAGREES in the first pass: {line}")
    sys.stdout.flush()


def print_summary(results: dict[str, dict[str, Any]]) -> None:
    """One line a case: pykernels, the best Keras backend, the best of all peers."""
    print("\n| case (median ms a step) | pykernels | best Keras backend | best of all peers |")
    print("|---|--:|--:|--:|")
    for case in CASES:
        medians = {n: r["ms"]["median"] for n, r in results.get(case.name, {}).items() if "ms" in r}
        ours = medians.pop("pykernels", None)
        cells = []
        for names in ([n for n in medians if n.startswith("keras")], list(medians)):
            best = min(names, key=medians.__getitem__, default=None)
            cells.append("-" if best is None else f"{medians[best]:.4g} ({best})")
        if ours is not None or medians:
            print(f"| {case.title} | {'-' if ours is None else f'{ours:.4g}'} | {cells[0]} | {cells[1]} |")


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", action="append", default=[], metavar="NAME=PATH", help="interpreter of a contender")
    parser.add_argument("--contenders", help="comma-separated; default: all that are installed")
    parser.add_argument("--cases", default=",".join(case.name for case in CASES), help="comma-separated; default: all")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.6, help="least length of one measurement")
    parser.add_argument("--threads", type=int, help="keep every contender on that many CPUs; default: all")
    parser.add_argument("--json", type=Path, help="write everything that was measured to this file")
    parser.add_argument("--tiny", action="store_true", help="small networks: does everything work and agree?")
    options = parser.parse_args(arguments)
    options.python = dict(item.split("=", 1) for item in options.python)
    options.required = {"pykernels"} if options.contenders is None else set(options.contenders.split(","))
    options.contenders = list(CONTENDERS) if options.contenders is None else options.contenders.split(",")
    options.cases = [case for case in CASES if case.name in options.cases.split(",")]
    unknown = [name for name in options.contenders if name not in CONTENDERS]
    if unknown or not options.cases:
        parser.error(f"unknown contender {unknown}" if unknown else "no known case")
    if options.tiny:
        options.cases = [case.tiny() for case in options.cases]
    return options


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    cpus = None if options.threads is None else set(sorted(os.sched_getaffinity(0))[: options.threads])

    def start() -> list[Contender]:
        return [Contender(name, _python_for(name, options.python), cpus) for name in options.contenders]

    failed: set[str] = set()

    def close(contenders: list[Contender]) -> None:
        failed.update(contender.name for contender in contenders if contender.failed)
        for contender in contenders:
            if contender.process.poll() is None:
                contender.close()

    contenders = start()
    lacking = [c.name for c in contenders if c.problem is not None and c.name in options.required]
    count = len(os.sched_getaffinity(0) if cpus is None else cpus)
    print(f"{platform.machine()}, {count} CPUs, {options.repeats} repeats of at least {options.seconds} s\n")
    for contender in contenders:
        print(f"{contender.name:<21} {contender.problem or contender.version}")
    everything: dict[str, dict[str, Any]] = {}
    for case in options.cases:
        if case.heavy and not options.tiny:  # what a case before it left behind would count in the peak memory
            close(contenders)
            contenders = start()
        everything[case.name] = measure(case, contenders, options)
        print_case(case, everything[case.name])
    print_summary(everything)
    if options.json:
        versions = {contender.name: contender.version or contender.problem for contender in contenders}
        record = {"versions": versions, "cpus": count, "cases": everything}
        options.json.write_text(json.dumps(record, indent=1))
    close(contenders)
    for name in lacking:
        print(f"MISSING: {name} was asked for")
    for name in sorted(failed):
        print(f"FAILED: {name}")
    return 1 if lacking or failed or any(disagreements(case, everything[case.name]) for case in options.cases) else 0


if __name__ == "__main__":
    sys.exit(main())
