"""Mutated files, loaded by the thousand: `python tests/fuzz/fuzz_files.py --count 200000`.

Each file is a good one of some format with bytes, words, JSON values or archive members changed. Loading it may succeed
or raise what the functions document: ValueError (and its subclasses), TypeError, OSError, NotImplementedError.
Anything else is a finding: another exception, a crash, more than `--seconds` or `--memory`, and every event by which
code runs or another file is touched (Python's audit hooks: exec, compile, import, marshal, pickle, subprocess, sockets,
open). `--first N --count 1` makes file N again.
"""

from __future__ import annotations

import argparse
import faulthandler
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

from good_files import make_seeds
from mutations import mutate

import pykernels as pk
from pykernels.utils.archives import _UNPACKERS, unpack

ALLOWED = (ValueError, TypeError, OSError, NotImplementedError)


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


def loader(folder: pathlib.Path):
    models = {name: pk.models.load_model(folder / f"{name}.keras") for name in ("stack", "graph", "image")}

    def load(seed, path, text):
        form, target, _ = seed
        if target == "model":
            pk.models.load_model(path)
        elif form == "json":
            pk.models.model_from_json(text)
        elif form == "archive":
            if _UNPACKERS[target][0](path):
                unpack(pathlib.Path(path), pathlib.Path(path + ".out"), target)
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
        _one(seed, seed[2], folder, load)
    watch = Watch()
    watch.mine = folder
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    resource.setrlimit(resource.RLIMIT_AS, (_address_space() + options.memory,) * 2)
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    counts = {"loaded": 0, "refused": 0}
    for number in range(first, last):
        rng = random.Random(number)
        seed = rng.choice(seeds)
        data = mutate(rng, seed, others)
        report.send(("at", number, None))
        signal.setitimer(signal.ITIMER_PROF, options.seconds)
        watch.active, watch.unpacking = True, seed[0] == "archive"
        try:
            _one(seed, data, folder, load)
            counts["loaded"] += 1
        except ALLOWED as error:
            counts["refused"] += 1
            if not str(error):
                report.send(("finding", number, "an error without a message"))
        except BaseException as error:
            report.send(("finding", number, f"{type(error).__name__}: {error}"[:500]))
        finally:
            watch.active = False
            signal.setitimer(signal.ITIMER_PROF, 0)
        if watch.seen:
            report.send(("finding", number, f"events: {watch.seen[:5]}"))
            watch.seen.clear()
        outside = [p for p in ("/tmp/evil", os.path.join(os.path.dirname(folder), "evil")) if os.path.exists(p)]
        if outside:
            report.send(("finding", number, f"wrote {outside}"))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10) - used
    report.send(("end", last, {**counts, "grown_MB": grown >> 20}))


def _address_space() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def _one(seed, data: bytes, folder: str, load) -> None:
    path = os.path.join(folder, "x.keras" if seed[0] == "keras" else "x.h5")
    with open(path, "wb") as file:
        file.write(data)
    load(seed, path, data.decode("utf-8", "replace"))


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
                        totals[key] = max(totals.get(key, 0), value) if "grown" in key else totals.get(key, 0) + value
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
