"""Mutated files, loaded by the thousand: `python tests/fuzz/fuzz_files.py --count 200000`.

Each file is a good one of some format (or one that asks for more than it has) with bytes, words, JSON values or archive
members changed. Loading it may succeed or raise what the functions document: ValueError (and subclasses), TypeError,
OSError, NotImplementedError. Anything else is a finding:

- another exception, a crash, a message that does not name the file or shows what Python says by itself;
- more memory or more work than the law of `pykernels.utils.load_budget` allows a file of its size: the peak of the
  resident memory, and the calls of functions (Python's and C's), which no clock and no other process changes;
- every event by which code runs or another file is touched (Python's audit hooks: exec, compile, import, marshal,
  pickle, subprocess, sockets, open).

`--first N --count 1` makes file N again.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import gc
import multiprocessing
import os
import pathlib
import random
import resource
import signal
import sys
import tempfile
import time
import warnings

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

from call_counter import CallCounter
from good_files import make_seeds
from internal_text import internal_text
from mutations import mutate

import pykernels as pk
from pykernels.datasets import idx, mnist
from pykernels.utils import load_budget
from pykernels.utils.archives import _UNPACKERS, unpack

ALLOWED = (ValueError, TypeError, OSError, NotImplementedError)
EVENTS_PER_OPERATION = 40  # calls and returns
SLACK = 24 << 20  # bytes that the allocator and the interpreter take in steps of their own
PIXELS = 1 << 20  # of an image


WATCHED = (
    *("exec", "compile", "marshal.", "pickle.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn"),
    *("socket.", "urllib.", "ctypes.dlopen", "shutil.", "code.__new__"),
)


class Watch:
    """Audit events while a file is loaded."""

    def __init__(self):
        self.active = False
        self.seen: list[str] = []
        self.mine = ""
        self.unpacking = False
        sys.addaudithook(self._hook)

    def _hook(self, event, args):
        if not self.active:
            return
        if event == "compile" and args[1] == "<unknown>":
            return  # ast.parse, of NumPy's headers for one, makes a tree; running it would be an event of its own
        if event == "shutil.rmtree" and self.unpacking and str(args[0]).startswith(self.mine):
            return
        if event.startswith(WATCHED) or (event == "import" and args[0] not in sys.modules):
            self.seen.append(f"{event} {str(args)[:200]}")
        elif event == "open" and isinstance(args[0], (str, bytes)):
            path = os.fsdecode(args[0])
            inside = self.unpacking and not os.path.isabs(path)  # shutil.rmtree works relative to a folder it has open
            if (
                not inside
                and not path.startswith(self.mine)
                and not path.startswith(("/proc/meminfo", sys.prefix, "/sys"))
            ):
                self.seen.append(f"open {path}")


class Meter:
    """What loading one file takes."""

    def __init__(self, folder):
        self.budgets: list = []
        self.events = 0
        self._counter = CallCounter(folder)
        original = load_budget.LoadBudget.__init__

        def init(budget, *args, **kwargs):
            self.budgets.append(budget)
            original(budget, *args, **kwargs)

        load_budget.LoadBudget.__init__ = init

    def __enter__(self):
        self.budgets.clear()
        pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak of the resident memory starts again
        self._before = _status("VmRSS:")

        self._counter.start()
        return self

    def __exit__(self, *exc):
        self.events = self._counter.stop()
        self.memory = max(0, _status("VmHWM:") - self._before)

    def broken_law(self, size: int) -> str | None:
        """What is more than a file of this size may take."""
        operations = load_budget.OPERATIONS + load_budget.OPERATIONS_PER_BYTE * size
        memory = load_budget.MEMORY + load_budget.MEMORY_PER_BYTE * size
        free = sum(b.variables for b in self.budgets if b.initialize)  # a text without weights: see `LoadBudget`
        if self.events > EVENTS_PER_OPERATION * operations:
            return f"{self.events} calls and returns for {size} bytes"
        if self.memory > memory + SLACK + 3 * free:
            return f"{self.memory} bytes of memory for {size} bytes"
        return None


def _status(key: str) -> int:
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith(key))


def loader(folder: pathlib.Path):
    from PIL import Image

    models = {name: pk.models.load_model(folder / f"{name}.keras") for name in ("stack", "graph", "image")}
    Image.MAX_IMAGE_PIXELS = PIXELS
    Image.init()

    def load(seed, path, text):
        form, target, _ = seed
        if target == "model":
            pk.models.load_model(path)
        elif form == "json":
            pk.models.model_from_json(text)
        elif form == "archive":
            if _UNPACKERS[target][0](path):
                unpack(pathlib.Path(path), pathlib.Path(path + ".out"), target)
        elif form == "npz":
            mnist.load_data(path)
        elif form in ("idx", "gz"):
            idx.read_idx(path)
        elif form == "image":
            pk.utils.load_img(path, target_size=(8, 8))
        else:
            models[target].load_weights(path, skip_mismatch=bool(len(text) % 2))

    return load


def work(first: int, last: int, folder: str, options, report) -> None:
    """Loads the files with these numbers; a number is told before its file is loaded."""
    faulthandler.enable()
    signal.signal(signal.SIGPROF, alarm)
    warnings.simplefilter("ignore")
    seeds = make_seeds(pathlib.Path(folder))
    others = [data for _, _, data in seeds]
    load = loader(pathlib.Path(folder))
    for seed in seeds:  # what good files import is imported now
        with contextlib.suppress(*ALLOWED):  # of those that ask for too much
            _one(seed, seed[2], folder, load)
    watch, meter = Watch(), Meter(folder)
    watch.mine = folder
    gc.freeze()  # collections look only at what files made
    resource.setrlimit(resource.RLIMIT_AS, (_address_space() + options.memory,) * 2)
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    counts = {"loaded": 0, "refused": 0, "bytes": 0, "calls": 0, "most_calls": 0, "most_memory": 0, "most_share": 0}
    for number in range(first, last):
        rng = random.Random(number)
        seed = rng.choice(seeds)
        data = mutate(rng, seed, others)
        report.send(("at", number, None))
        path = _write(seed, data, folder)
        signal.setitimer(signal.ITIMER_PROF, options.seconds)
        watch.unpacking = seed[0] == "archive"
        found = None
        try:
            with meter:
                watch.active = True
                try:
                    load(seed, path, data.decode("utf-8", "replace"))
                finally:
                    watch.active = False
            counts["loaded"] += 1
        except ALLOWED as error:
            counts["refused"] += 1
            found = _wrong_message(str(error), seed, path)
        except BaseException as error:
            found = f"{type(error).__name__}: {error}"[:500]
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        _count(counts, meter, len(data))
        found = found or meter.broken_law(len(data))
        if found is not None:
            report.send(("finding", number, found))
        if watch.seen:
            report.send(("finding", number, f"events: {watch.seen[:5]}"))
            watch.seen.clear()
        outside = [p for p in ("/tmp/evil", os.path.join(os.path.dirname(folder), "evil")) if os.path.exists(p)]
        if outside:
            report.send(("finding", number, f"wrote {outside}"))
    report.send(("end", last, counts))


def _wrong_message(message: str, seed, path: str) -> str | None:
    name = "The JSON text" if seed[0] == "json" else path
    if name not in message:
        return f"a message that does not name the file: {message[:300]!r}"
    text = internal_text(message)
    return f"a message with {text!r}: {message[:500]!r}" if text else None


def _count(counts: dict, meter: Meter, size: int) -> None:
    operations = load_budget.OPERATIONS + load_budget.OPERATIONS_PER_BYTE * size
    counts["bytes"] += size
    counts["calls"] += meter.events
    counts["most_calls"] = max(counts["most_calls"], meter.events)
    counts["most_memory"] = max(counts["most_memory"], meter.memory)
    share = meter.events / (EVENTS_PER_OPERATION * operations)
    counts["most_share"] = max(counts["most_share"], round(share, 3))


def _address_space() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def _write(seed, data: bytes, folder: str) -> str:
    form = seed[0]
    ending = form if form in ("keras", "npz", "idx", "gz") else "png" if form == "image" else "h5"
    path = os.path.join(folder, f"x.{ending}")
    with open(path, "wb") as file:
        file.write(data)
    return path


def _one(seed, data: bytes, folder: str, load) -> None:
    load(seed, _write(seed, data, folder), data.decode("utf-8", "replace"))


class TooLong(BaseException):
    """A file took too long. Not an OSError, which would be allowed."""


def alarm(*_):
    raise TooLong


def run(options) -> list[tuple[int, str]]:
    """All files; a worker that dies is replaced by one that goes on behind the file that killed it."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # of the workers
    findings: list[tuple[int, str]] = []
    number, end, batch = options.first, options.first + options.count, options.batch
    totals: dict[str, int] = {}
    began = time.monotonic()
    while number < end:
        last = min(end, number + batch)
        with tempfile.TemporaryDirectory() as folder:
            ours, theirs = multiprocessing.Pipe(False)
            process = multiprocessing.get_context("spawn").Process(
                target=work, args=(number, last, folder, options, theirs)
            )
            process.start()
            theirs.close()
            at = number
            while True:
                try:
                    if not ours.poll(options.seconds + 600):
                        findings.append((at, "hangs"))
                        print(f"finding {findings[-1]}", flush=True)
                        process.kill()
                        break
                    kind, at, what = ours.recv()
                except EOFError:
                    process.join()
                    findings.append((at, f"the process died with exit code {process.exitcode}"))
                    print(f"finding {findings[-1]}", flush=True)
                    break
                if kind == "finding":
                    findings.append((at, what))
                    print(f"finding {at}: {what}", flush=True)
                elif kind == "end":
                    for key, value in what.items():
                        totals[key] = max(totals.get(key, 0), value) if "most" in key else totals.get(key, 0) + value
                    at = last - 1
                    break
            process.join()
            number = at + 1
        print(
            f"{number - options.first} files, {len(findings)} findings, {totals}, {time.monotonic() - began:.0f} s",
            flush=True,
        )
    return findings


def parse(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--batch", type=int, default=10_000, help="files per process")
    parser.add_argument("--seconds", type=float, default=10.0, help="of processor time per file")
    parser.add_argument("--memory", type=int, default=1 << 30, help="bytes beyond those of good files")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    found = run(parse())
    for n, what in found:
        print(f"finding {n}: {what}")
    sys.exit(1 if found else 0)
