"""`BatchSource`: what a dataset tells the training, so that its batches can be made ahead, in any thread, and again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any


class BatchSource(ABC):
    """A dataset whose batches are made from jobs.

    `jobs` draws all random numbers of a pass at once, in the calling thread; `make` then computes a batch anywhere. So
    the batches do not depend on the number of workers.
    """

    @abstractmethod
    def jobs(self, order) -> list:
        """One job for each batch number of `order`."""

    @abstractmethod
    def make(self, job, turn=None) -> Any:
        """The batch of a job. What must run in the order of the jobs runs within `with turn:` (None: at once)."""

    @abstractmethod
    def count_batch(self) -> None:
        """Called by the reader for each batch that it took from `jobs`."""

    @abstractmethod
    def is_empty(self, batch) -> bool:
        """Whether a batch has no rows."""

    @abstractmethod
    def queue_size(self, workers: int) -> int:
        """How many batches may be under way, where the user does not say."""

    @abstractmethod
    def position(self) -> dict:
        """Where the source stands between two batches; for checkpoints."""

    @abstractmethod
    def resume(self, position: dict) -> None:
        """Goes on from a `position()`. Raises ValueError when it is that of other data."""

    @abstractmethod
    def why_batches_vary(self) -> str | None:
        """Why two passes may give different samples, for a message; None when they give the same ones."""

    @abstractmethod
    def sample_jobs(self) -> list[tuple]:
        """(sample numbers, job) of each batch of a pass in the order of the sample numbers; draws nothing."""
