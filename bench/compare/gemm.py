"""Matrix products of dense layers beside NumPy's BLAS and PyTorch, in one process, interleaved.

    python bench/compare/gemm.py [--threads 1] [--repeats 9] [--json FILE]

PyTorch is measured where it is installed. `--tiny` runs the smallest products once, to see that the program works.

Forms: x W (forward), dy W^T (gradient of the input), x^T dy (gradient of the weights). A ratio is the other's median
time over ours: above 1, pykernels is faster. Ours is the kernel's time within a program, the others' that of a call
from Python into an existing output. Every product is compared with one computed in float64 before it is measured; the
program ends with an error when one is wrong.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import math
import statistics
import time
from collections.abc import Callable

import numpy as np

import pykernels.ops  # noqa: F401 - defines the ops that `apply` looks up
from pykernels import _core
from pykernels.graph import Trace, apply

BATCHES = (1, 4, 16, 64, 256)
LAYERS = (
    (32, 10),
    (784, 10),
    (784, 500),
    (500, 500),
    (3072, 20),
    (3072, 500),
    (1024, 1024),
    (4096, 1000),
    (4096, 4096),
)
FORMS = {"x W": (False, False), "dy W^T": (False, True), "x^T dy": (True, False)}


def operands(form: str, batch: int, n_in: int, n_out: int, random) -> tuple[np.ndarray, np.ndarray]:
    x, w, dy = ((batch, n_in), (n_in, n_out), (batch, n_out))
    shapes = {"x W": (x, w), "dy W^T": (dy, w), "x^T dy": (x, dy)}[form]
    return tuple(random.random(shape, dtype=np.float32) for shape in shapes)


def ours(a, b, trans_a, trans_b) -> tuple[np.ndarray, Callable[[], float]]:
    with Trace() as trace:
        pa, pb = trace.placeholder(a.shape), trace.placeholder(b.shape)
        product = apply("matmul", [pa, pb], transpose_a=trans_a, transpose_b=trans_b)
    program = trace.build([product])
    return program.run([a, b])[0], lambda: program.core.profile([a, b], 1)[0] * 1e-9


def timed(call) -> Callable[[], float]:
    def seconds():
        start = time.perf_counter()
        call()
        return time.perf_counter() - start

    return seconds


def contenders(form, a, b, torch) -> dict[str, Callable[[], float]]:
    """Functions that run the product once and return its seconds.

    Raises:
        ArithmeticError: a contender's product is wrong.
    """
    trans_a, trans_b = FORMS[form]
    na, nb = a.T if trans_a else a, b.T if trans_b else b
    out = np.empty((na.shape[0], nb.shape[1]), np.float32)
    product, call = ours(a, b, trans_a, trans_b)
    products, calls = {"pykernels": product, "numpy": np.matmul(na, nb)}, {"pykernels": call}
    calls["numpy"] = timed(lambda: np.matmul(na, nb, out=out))
    if torch is not None:
        ta, tb = torch.from_numpy(a), torch.from_numpy(b)
        ta, tb = ta.T if trans_a else ta, tb.T if trans_b else tb
        result = torch.empty(out.shape)
        products["torch"] = torch.mm(ta, tb).numpy()
        calls["torch"] = timed(lambda: torch.mm(ta, tb, out=result))
    check(f"{form}, {na.shape} x {nb.shape}", products, na, nb)
    return calls


def check(what: str, products: dict[str, np.ndarray], a: np.ndarray, b: np.ndarray) -> None:
    """Any order of summation keeps within k eps |a| |b|; operands are positive, so that |a| |b| is the product."""
    expected = a.astype("float64") @ b.astype("float64")
    for name, product in products.items():
        error = np.abs(product / expected - 1).max()
        if not error <= a.shape[1] * np.finfo("float32").eps:
            raise ArithmeticError(f"{what}: the product of {name} has a relative error of {error:.2g}")


def measure(form, batch, layer, repeats, random, torch) -> dict[str, float]:
    """Median seconds of each, taken in turn, there and back."""
    calls = contenders(form, *operands(form, batch, *layer, random), torch)
    times = {name: [] for name in calls}
    for r in range(repeats + 2):
        for name in list(calls) if r % 2 else list(calls)[::-1]:
            inner = [calls[name]() for _ in range(3)]
            if r >= 2:
                times[name].append(min(inner))
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=_core.num_threads())
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--json")
    parser.add_argument("--tiny", action="store_true", help="the smallest products, once")
    args = parser.parse_args()
    batches, layers, repeats = (BATCHES[:2], LAYERS[:2], 1) if args.tiny else (BATCHES, LAYERS, args.repeats)
    torch = importlib.import_module("torch") if importlib.util.find_spec("torch") else None
    _core.set_num_threads(args.threads)
    if torch is not None:
        torch.set_num_threads(args.threads)
    random = np.random.default_rng(0)
    rows = []
    torch_version = getattr(torch, "__version__", "not installed")
    print(f"{_core.isa()}, {args.threads} threads (for NumPy's BLAS set OPENBLAS_NUM_THREADS); torch: {torch_version}")
    print("| form | batch | in | out | GFLOP/s | x numpy | x torch |\n|---|--:|--:|--:|--:|--:|--:|")
    for form in FORMS:
        for batch in batches:
            for layer in layers:
                t = measure(form, batch, layer, repeats, random, torch)
                row = {"form": form, "batch": batch, "in": layer[0], "out": layer[1], **t}
                rows.append(row)
                rate = 2e-9 * batch * layer[0] * layer[1] / t["pykernels"]
                ratios = [f"{t[peer] / t['pykernels']:.2f}" if peer in t else "" for peer in ("numpy", "torch")]
                print(f"| {form} | {batch} | {layer[0]} | {layer[1]} | {rate:.1f} | {ratios[0]} | {ratios[1]} |")
    for form in FORMS:
        for peer in ("numpy", "torch"):
            ratios = [r[peer] / r["pykernels"] for r in rows if r["form"] == form and peer in r]
            if ratios:
                mean = math.exp(statistics.fmean(map(math.log, ratios)))
                ahead = sum(r >= 1 for r in ratios)
                print(f"{form} against {peer}: geometric mean {mean:.2f}, least {min(ratios):.2f}", end="")
                print(f", ahead in {ahead} of {len(ratios)}")
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)


if __name__ == "__main__":
    main()
