"""The global seed, and the seeds of objects that were given none."""

from __future__ import annotations

import contextlib
import hashlib
import random
import threading

import numpy as np

_lock = threading.Lock()
_source = threading.local()
_state = {"global": None, "numpy": b"", "draws": 0}


def set_random_seed(seed: int) -> None:
    """Sets the seed of everything random: Python's `random`, NumPy's global generator, and pykernels.

    Same seed, same bits: initial weights, shuffling and dropout of what follows are repeated exactly, with any
    number of threads.

    Args:
        seed: int from 0 to 2**32 - 1.

    Raises:
        ValueError: `seed` is not an int in that range.
    """
    if not isinstance(seed, int):
        raise ValueError(f"Expected `seed` argument to be an integer. Received: seed={seed} (of type {type(seed)})")
    if not 0 <= seed < 2**32:
        raise ValueError(f"Expected `seed` argument to be in [0, 2**32 - 1]. Received: seed={seed}")
    random.seed(seed)
    np.random.seed(seed)
    with _lock:
        _state.update({"global": seed, "numpy": b"", "draws": 0})


def get_random_seed() -> int | None:
    """The seed given to `set_random_seed`, or None."""
    return _state["global"]


@contextlib.contextmanager
def seeds_from(seed: int):
    """Within it, default seeds follow from this one: what a program draws depends on nothing else."""
    outer = getattr(_source, "value", None)
    _source.value = [seed, 0]
    try:
        yield
    finally:
        _source.value = outer


def make_default_seed() -> int:
    """A fresh seed (0 .. 2**31 - 1) for an object that was given none.

    It is a digest of the state of NumPy's global generator and of the number of seeds taken since that state last
    changed. So `np.random.seed(n)`, the idiom of Keras 1 scripts, makes models repeatable, and so does
    `set_random_seed`; without either the seed differs from process to process. NumPy's generator is not advanced:
    the data that a script draws after building a model are the same as with Keras 3.
    """
    source = getattr(_source, "value", None)
    if source is not None:
        source[1] += 1
        return int.from_bytes(hashlib.blake2b(repr(source).encode(), digest_size=4).digest(), "little") >> 1
    kind, keys, position, has_gauss, gauss = np.random.get_state()
    digest = hashlib.blake2b(keys.tobytes(), digest_size=16)
    digest.update(repr((kind, position, has_gauss, gauss)).encode())
    with _lock:
        if digest.digest() != _state["numpy"]:
            _state.update({"numpy": digest.digest(), "draws": 0})
        digest.update(_state["draws"].to_bytes(8, "little"))
        _state["draws"] += 1
    return int.from_bytes(digest.digest()[:4], "little") >> 1
