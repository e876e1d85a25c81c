"""What Python says of values that nobody expected: no message of pykernels may show it."""

import re

INTERNAL = re.compile(
    r"unhashable|must not be zero|2- or 3- tuple|has no len|truth value|not subscriptable|object is not|NoneType|"
    r"not supported between|unsupported operand|to unpack|cannot unpack|unpack_from|"
    r"index out of range|cannot convert float|could not convert|"
    r"incompatible function arguments|Unable to cast|has no attribute|list indices|invalid literal|division by zero|"
    r"positional argument|too large to convert|struct\.error|maximum recursion|not enough values|too many values"
)


def internal_text(message: str) -> str | None:
    """The first such text in a message, but for what it quotes of the values it received."""
    said = message.split("Received")[0].split("config=")[0]
    found = INTERNAL.search(said)
    return found and found.group()
