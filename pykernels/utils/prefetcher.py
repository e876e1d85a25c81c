"""Work done ahead of its reader, by threads or processes, in order."""

from __future__ import annotations

import atexit
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from .. import _core


def default_workers() -> int:
    """As many threads as this process has processors."""
    return _core.num_threads()


class _Turn:
    """Where the part of a job begins that has to be done in the order of the jobs: `with turn: ...`."""

    def __init__(self, ahead: OrderedPrefetcher, number: int):
        self._ahead = ahead
        self._number = number

    def __enter__(self):
        self._ahead._wait_for_turn(self._number)
        return self

    def __exit__(self, *error):
        self._ahead._end_turn(self._number)


class OrderedPrefetcher:
    """The results of `make(job, turn)` for each job, in order, computed ahead by threads.

    What a job computes must not depend on when it runs; what has to happen in order goes under `with turn:`. An
    exception of a job is raised when its result is asked for, and ends the work.

    Args:
        jobs: taken one by one, each when a thread is free.
        make: called in the threads.
        workers: number of threads, at least 1.
        ahead: how many results may be under way or wait for the reader.
    """

    def __init__(self, jobs: Iterable, make: Callable, workers: int, ahead: int):
        self._jobs = iter(jobs)
        self._make = make
        self._ahead = max(ahead, 1)
        self._changed = threading.Condition()
        self._results: dict[int, tuple] = {}
        self._taken = 0  # jobs that threads have begun
        self._read = 0  # results that the reader has taken
        self._turn = 0  # the job whose turn it is
        self._turns_over: set[int] = set()
        self._total: int | None = None  # number of jobs, once known
        self._closed = False
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(workers)]
        _alive.add(self)
        for thread in self._threads:
            thread.start()

    def __iter__(self) -> Iterator:
        return self

    def __next__(self):
        with self._changed:
            while self._read not in self._results:
                if self._closed or (self._total is not None and self._read >= self._total):
                    raise StopIteration
                self._changed.wait()
            result, error = self._results.pop(self._read)
            self._read += 1
            self._changed.notify_all()
        if error is not None:
            self.close()
            raise error
        return result

    def close(self) -> None:
        """Ends the work: threads stop after the job that they are at. Waits for them."""
        with self._changed:
            self._closed = True
            self._results.clear()
            self._changed.notify_all()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._closed and self._total is None and self._taken - self._read >= self._ahead:
                    self._changed.wait()
                if self._closed or self._total is not None:
                    return
                number, job, error = self._next_job()
                if number is None:
                    return
            result = None
            if error is None:
                try:
                    result = self._make(job, _Turn(self, number))
                except BaseException as raised:
                    error = raised
            self._end_turn(number)
            with self._changed:
                if not self._closed:
                    self._results[number] = (result, error)
                if error is not None and self._total is None:
                    self._total = self._taken
                self._changed.notify_all()

    def _next_job(self) -> tuple:
        try:
            job, error = next(self._jobs), None
        except StopIteration:
            self._total = self._taken
            self._changed.notify_all()
            return None, None, None
        except BaseException as raised:
            job, error = None, raised
        self._taken += 1
        return self._taken - 1, job, error

    def _wait_for_turn(self, number: int) -> None:
        with self._changed:
            while self._turn < number and not self._closed:
                self._changed.wait()

    def _end_turn(self, number: int) -> None:
        with self._changed:
            self._turns_over.add(number)
            while self._turn in self._turns_over:
                self._turns_over.discard(self._turn)
                self._turn += 1
            self._changed.notify_all()


_alive: weakref.WeakSet[OrderedPrefetcher] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """Threads that are inside of C code while the interpreter ends would end it badly."""
    for ahead in list(_alive):
        ahead.close()


# --- processes --------------------------------------------------------------------------------------------------------
_source = None  # in a worker process: what it serves


def _keep_source(source) -> None:
    global _source
    _source = source


def _item(index: int, seed: int):
    np.random.seed(seed)
    return _source[index]


def from_processes(source, order: Iterable[int], workers: int, ahead: int) -> Iterator:
    """`source[i]` for each i of `order`, computed by processes ahead of the reader.

    NumPy's global generator is seeded for each item (by a number drawn here, and i), so that the items do not depend
    on which process makes them.

    Raises:
        RuntimeError: a worker process died.
    """
    # With what they import they would make `import pykernels.models` a fifth slower.
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    key = int(np.random.randint(2**31))
    with ProcessPoolExecutor(workers, initializer=_keep_source, initargs=(source,)) as pool:
        waiting: deque = deque()
        try:
            for i in order:
                waiting.append(pool.submit(_item, int(i), (key + int(i)) % 2**32))
                if len(waiting) >= max(ahead, 1):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise RuntimeError(
                f"a worker process that loads batches of {type(source).__name__} died (out of memory, or killed); "
                "use_multiprocessing=False loads them in threads"
            ) from error
        finally:
            for future in waiting:
                future.cancel()
