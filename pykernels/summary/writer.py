"""Where summaries go: writers, the default writer of a thread, and whether it records."""

from __future__ import annotations

import contextlib
import threading

from .events import EventFile


class _State(threading.local):
    """What a thread's summaries go by."""

    def __init__(self):
        self.writer: SummaryWriter | None = None
        self.step = None
        self.record = True


_state = _State()


def current() -> _State:
    """The state of this thread."""
    return _state


class SummaryWriter:
    """Writes summaries to one event file. `create_file_writer` makes it.

    Args:
        file: an `EventFile`; None writes nothing.
    """

    def __init__(self, file: EventFile | None):
        self.file = file

    @contextlib.contextmanager
    def as_default(self, step=None):
        """Within `with writer.as_default():`, summaries of this thread go to this writer.

        Args:
            step: the step of those that are given none. Default None: as it was.
        """
        before = _state.writer, _state.step
        self.set_as_default(step)
        try:
            yield self
        finally:
            _state.writer, _state.step = before
            self.flush()

    def set_as_default(self, step=None) -> None:
        """Lets summaries of this thread go to this writer from now on; `step` as in `as_default`."""
        _state.writer = self
        if step is not None:
            _state.step = step

    def init(self) -> None:
        """Accepted as in TensorFlow. The file is made with the first summary."""

    def flush(self) -> None:
        """Writes what has not been written yet."""
        if self.file is not None:
            self.file.flush()

    def close(self) -> None:
        """Writes what has not been written yet, and closes the file."""
        if self.file is not None:
            self.file.close()


def create_file_writer(
    logdir, max_queue=None, flush_millis=None, filename_suffix=None, name=None, experimental_trackable=False
):
    """Makes a writer of an event file in a folder, which is made too.

    Args:
        logdir: path.
        max_queue: int, the number of summaries kept in memory before they are written. Default None: 10.
        flush_millis: int, the milliseconds after which they are written with the next one. Default None: 120000.
        filename_suffix: str, the end of the file's name. Default None: ".v2".
        name, experimental_trackable: accepted as in TensorFlow, where they are about graphs. They have no effect.

    Returns:
        A `SummaryWriter`.
    """
    file = EventFile(
        logdir,
        ".v2" if filename_suffix is None else filename_suffix,
        queue=10 if max_queue is None else max_queue,
        seconds=120.0 if flush_millis is None else flush_millis / 1000,
    )
    return SummaryWriter(file)


def create_noop_writer() -> SummaryWriter:
    """Makes a writer that writes nothing."""
    return SummaryWriter(None)


def flush(writer=None, name=None) -> None:
    """Writes what `writer` (default: the default writer) has not written yet. `name` has no effect."""
    writer = writer if writer is not None else _state.writer
    if writer is not None:
        writer.flush()


@contextlib.contextmanager
def record_if(condition):
    """Within `with record_if(condition):`, summaries are written only where it is true.

    Args:
        condition: bool, or callable without arguments that is asked at each summary.
    """
    before = _state.record
    _state.record = condition
    try:
        yield
    finally:
        _state.record = before


def should_record_summaries() -> bool:
    """Whether a summary would be written now: there is a default writer, and `record_if` says so."""
    condition = _state.record
    return _state.writer is not None and bool(condition() if callable(condition) else condition)
