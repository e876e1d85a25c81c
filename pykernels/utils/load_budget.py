"""What reading one file may cost. Every entry that is looked at and every byte that is made is charged to one object.

Reading a file of n bytes takes at most `OPERATIONS + OPERATIONS_PER_BYTE * n` operations and
`MEMORY + MEMORY_PER_BYTE * n` bytes, whatever the file says. An operation is some microseconds of work: a value of a
configuration, an entry of an index. What takes longer counts as several.
"""

from __future__ import annotations

import math
import threading

OPERATIONS, OPERATIONS_PER_BYTE = 200_000, 4
MEMORY, MEMORY_PER_BYTE = 1 << 25, 128
_LAYER, _LAYER_BYTES = 30, 4096  # a layer that is made
_CALL, _CALL_BYTES = 20, 2048  # a layer that is called
_VALUE, _VALUE_BYTES = 1, 64  # a value of a configuration

_local = threading.local()


class LoadBudget:
    """The budget of one file; `with LoadBudget(...):` makes it the one that this thread charges.

    Args:
        name: of the file, for messages.
        size: its bytes.
        initialize: whether variables get initial values; files have their own. Where they do, the file holds no
            weights, and the memory of variables has no bound but `allow_variables`.

    Attributes:
        operations, memory: what has been spent.
        variables: bytes of the variables that were made.
    """

    def __init__(self, name: str, size: int, initialize: bool = False):
        self.name = name
        self.size = size
        self.initialize = initialize
        self.operations = self.memory = self.variables = 0
        self.most_operations = OPERATIONS + OPERATIONS_PER_BYTE * size
        self.most_memory = MEMORY + MEMORY_PER_BYTE * size
        self._numbers: int | None = None
        self._numbers_left = 0
        self._unfilled: list = []

    # --- work and bytes -------------------------------------------------------------------------------------
    def spend(self, operations: int = 1, what: str = "its entries, which refer to each other") -> None:
        """Raises ValueError when the file has asked for too much work."""
        self.operations += operations
        if self.operations > self.most_operations:
            raise ValueError(
                f"{self.name} has {self.size:,} bytes and asks for more than {self.most_operations:,} operations: "
                f"{what}. The file is damaged or was made to do harm."
            )

    def allocate(self, size: int, what: str = "what it holds") -> None:
        """Before `size` bytes are made. Raises ValueError when the file has asked for too many."""
        self.memory += size
        if self.memory > self.most_memory:
            raise ValueError(
                f"{self.name} has {self.size:,} bytes and asks for more than {self.most_memory:,} bytes of memory for "
                f"{what}. The file is damaged or was made to do harm."
            )

    def values(self, text: str) -> None:
        """Before the values of a JSON text are made."""
        count = 1 + text.count(",") + text.count("[") + text.count("{")
        self.spend(_VALUE * count, "the values of its configuration")
        self.allocate(len(text) + _VALUE_BYTES * count, "its configuration")

    # --- layers ---------------------------------------------------------------------------------------------
    def layer(self) -> None:
        """Before a layer is made."""
        self.spend(_LAYER, "its layers")
        self.allocate(_LAYER_BYTES, "its layers")

    def call(self) -> None:
        """Before a layer is called: models that call models twice, and those again, take exponential time."""
        self.spend(_CALL, "calls of layers within its models")
        self.allocate(_CALL_BYTES, "calls of layers within its models")

    # --- variables ------------------------------------------------------------------------------------------
    def allow_variables(self, numbers: int) -> None:
        """How many numbers the variables of layers may have together: as many as the file holds."""
        self._numbers = self._numbers_left = numbers

    def variable(self, layer: str, shape: tuple) -> None:
        """Raises ValueError when a variable of this shape is more than the file holds."""
        if self._numbers is None:
            return
        self._numbers_left -= math.prod(shape)
        if self._numbers_left < 0:
            raise ValueError(
                f"{self.name}: layer '{layer}' asks for a variable of shape {shape}; all variables together may have "
                f"{self._numbers:,} numbers, as many as the file holds (or as fit into this computer). The file is "
                "damaged or was made to do harm."
            )

    def storage(self, name: str, size: int) -> None:
        """Before the memory of a variable is made: of a layer, an optimizer or a metric."""
        self.spend(4, "its variables")
        self.variables += size
        if not self.initialize:
            self.allocate(size, f"variables ('{name}')")

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

    # --- in effect ------------------------------------------------------------------------------------------
    def __enter__(self):
        self._outer = getattr(_local, "budget", None)
        _local.budget = self
        return self

    def __exit__(self, *exc):
        _local.budget = self._outer


def load_budget() -> LoadBudget | None:
    """The budget of the file that this thread is loading; None while it loads none."""
    return getattr(_local, "budget", None)
