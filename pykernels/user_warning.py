"""Warnings that point at the user's line.

A leaf module: it imports nothing of the package.
"""

from __future__ import annotations

import os
import sys
import warnings

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warns with the file and line of the innermost caller outside of this package.

    How deep the package's own calls are does not matter, so that no number has to follow a change of them.

    Args:
        message: text.
        category: class of the warning.
    """
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
