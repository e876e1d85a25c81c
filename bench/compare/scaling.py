"""What more threads would give, by simulation: no machine with many processors is needed.

    python bench/compare/scaling.py [--cases mnist-100,photos-64] [--threads 1,2,4,8,16,32,64] [--repeats 5]

Each operation of a step runs on one thread, and each task of its parallel loops is timed (processor time, the least of
the repeats, so that the machine may do other things).
List scheduling then gives the loops' times with more threads: tasks in the order in which threads claim them, each to
the thread that is free first, plus a fixed overhead for each loop. What is outside of such loops stays as it is.

"chain" is the time with as many threads as there are tasks and no overhead: no number of threads is faster. The
simulation knows nothing of memory bandwidth, shared caches and clocks that fall under load: it finds loops with too few
or too unequal tasks and work that is not in loops; it does not predict a machine. Fetching the rows of a batch is not
part of the operations.
"""

from __future__ import annotations

import argparse
import heapq
import sys
from dataclasses import dataclass

from cases import BY_NAME, Case
from contender_keras import KerasLike

from pykernels.graph.program import Program

DEFAULT = "linear-images,relu-images,mnist-100,digits-conv,photos-64,vgg16-1,vgg16-8"


@dataclass
class Operation:
    """One call of a step: its name, the seconds outside of its loops, and (threads that may work, seconds of tasks)."""

    name: str
    serial: float
    loops: list[tuple[int, list[float]]]

    @property
    def alone(self) -> float:
        return self.serial + sum(sum(tasks) for _, tasks in self.loops)

    @property
    def chain(self) -> float:
        return self.serial + sum(schedule(tasks, workers) for workers, tasks in self.loops)

    def seconds(self, threads: int, overhead: float) -> float:
        """With so many threads."""
        if threads == 1:
            return self.alone
        return self.serial + sum(
            min(sum(tasks), overhead + schedule(tasks, min(threads, workers))) for workers, tasks in self.loops
        )


def schedule(tasks: list[float], threads: int) -> float:
    """When the last of the tasks ends, if each goes to the thread that is free first."""
    free = [0.0] * max(1, min(threads, len(tasks)))
    for seconds in tasks:
        heapq.heapreplace(free, free[0] + seconds)
    return max(free)


def operations(case: Case, repeats: int) -> list[Operation]:
    """The operations of the case's step, measured."""
    found: list[Operation] = []

    def trace(program: Program, feeds, repeats: int) -> list[dict]:
        rows = program.describe()
        for row, (outside, loops) in zip(rows, program.core.trace(feeds, repeats), strict=True):
            row["ns"] = outside + sum(sum(tasks) for _, tasks in loops)
            seconds = [(workers, [t * 1e-9 for t in tasks]) for workers, tasks in loops]
            found.append(Operation(f"{row['op']} {row['label']}".strip(), max(0.0, outside) * 1e-9, seconds))
        return rows

    net = KerasLike("pykernels")
    net.prepare(case)
    arguments = (net.x,) if case.purpose == "predict" else (net.x, net.y)
    original, Program.profile = Program.profile, trace
    try:
        net.model.profile(*arguments, batch_size=case.batch, repeats=repeats, print_fn=None)
    finally:
        Program.profile = original
    return found


def report(case: Case, found: list[Operation], threads: list[int], overhead: float, slowest: int) -> str:
    """The row of the case, and the operations that take most of the step with 32 threads."""
    alone = sum(op.alone for op in found)
    loops = [loop for op in found for loop in op.loops]
    counts = f"{len(found)} | {len(loops)} | {sum(len(tasks) for _, tasks in loops)}"
    chain = sum(op.chain for op in found)
    speedups = [alone / sum(op.seconds(n, overhead) for op in found) for n in threads]
    lines = [
        f"| {case.name} | {counts} | {alone * 1e3:.3f} | {chain * 1e3:.3f} | "
        + " | ".join(f"{s:.1f}" for s in speedups)
        + " |"
    ]
    total = sum(op.seconds(32, overhead) for op in found)
    lost = sorted(found, key=lambda op: op.seconds(32, overhead) - op.alone / 32, reverse=True)
    for op in lost[:slowest]:
        tasks = "+".join(str(len(tasks)) for _, tasks in op.loops) or "none"
        longest = max((max(tasks) for _, tasks in op.loops), default=0)
        share = op.seconds(32, overhead) / total
        lines.append(
            f"    {share:4.0%} of the step with 32 threads: {op.name}: {op.alone * 1e6:.1f} us alone, tasks {tasks}, "
            f"longest {longest * 1e6:.1f} us, outside of loops {op.serial * 1e6:.1f} us"
        )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--cases", default=DEFAULT)
    parser.add_argument("--threads", default="1,2,4,8,16,32,64")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--overhead", type=float, default=3.0, help="microseconds for each parallel loop")
    parser.add_argument("--slowest", type=int, default=3, help="operations that are named for each case")
    parser.add_argument("--tiny", action="store_true", help="small networks: does it run")
    arguments = parser.parse_args()
    threads = [int(n) for n in arguments.threads.split(",")]
    print("| case | ops | loops | tasks | ms | chain, ms | " + " | ".join(f"{n}" for n in threads) + " |")
    print("|---|" + "--:|" * (5 + len(threads)))
    right = True
    for name in arguments.cases.split(","):
        case = BY_NAME[name].tiny() if arguments.tiny else BY_NAME[name]
        found = operations(case, arguments.repeats)
        print(report(case, found, threads, arguments.overhead * 1e-6, arguments.slowest), flush=True)
        alone, chain = sum(op.alone for op in found), sum(op.chain for op in found)
        with_two = sum(op.seconds(2, 0) for op in found)
        right = right and bool(found) and chain <= with_two * 1.0001 <= alone * 1.0002 and alone <= 2.0001 * with_two
    if not right:
        print("wrong: two threads must lie between one thread and the chain")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
