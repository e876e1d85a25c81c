"""What a model file may make this process allocate and compute while it is loaded."""

from __future__ import annotations

import math
import threading

_local = threading.local()
_CALLS = 5_000  # of layers within the models of a file
_CALLS_PER_LAYER = 100


class AllocationGuard:
    """Limits what a file makes layers allocate and compute.

    Within `with AllocationGuard(numbers, name):` the elements of the variables that `add_weight` creates are counted,
    and more than `numbers` are refused. Their initial values are left out: the file has the values. Calls of layers
    within models are counted too: models that call models twice, and those again, take exponential time.

    Args:
        numbers: how many numbers the variables may have together.
        name: of the file, for the message.
        initialize: whether initial values are drawn all the same.
    """

    def __init__(self, numbers: int, name: str, initialize: bool = False):
        self.left = self.numbers = numbers
        self.calls_left = _CALLS
        self.name = name
        self.initialize = initialize
        self._unfilled: list = []

    def allow_layer(self) -> None:
        """The file has one more layer, which may be called some more times."""
        self.calls_left += _CALLS_PER_LAYER

    def count_call(self) -> None:
        """Raises ValueError when layers are called too often."""
        self.calls_left -= 1
        if self.calls_left < 0:
            raise ValueError(
                f"{self.name}: its models call each other so often that they need more than {_CALLS:,} calls of layers "
                f"and {_CALLS_PER_LAYER} per layer. The file was made to do harm."
            )

    def is_unfilled(self, variable) -> None:
        """The memory of a variable has not been written: `fill_rest` sees to it if the file does not."""
        self._unfilled.append((variable, variable.storage.version))

    def fill_rest(self) -> None:
        """Zeros for the variables that nothing was read into."""
        for variable, version in self._unfilled:
            if variable.storage.version == version:
                with variable.storage.write() as array:
                    array[...] = 0
        self._unfilled.clear()

    def take(self, layer: str, shape: tuple) -> None:
        """Raises ValueError when a variable of this shape is too much."""
        self.left -= math.prod(shape)
        if self.left < 0:
            raise ValueError(
                f"{self.name}: layer '{layer}' asks for a variable of shape {shape}; all variables together may have "
                f"{self.numbers:,} numbers, as many as the file holds (or as fit into this computer). The file is "
                "damaged or was made to do harm."
            )

    def __enter__(self):
        self.outer = getattr(_local, "limit", None)
        _local.limit = self
        return self

    def __exit__(self, *exc):
        _local.limit = self.outer


def allocation_guard() -> AllocationGuard | None:
    """The limit in effect in this thread."""
    return getattr(_local, "limit", None)
