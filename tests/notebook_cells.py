"""Programs made of the cells of a notebook, as a reader runs them: in order, each showing its last value."""

from __future__ import annotations

import ast
import re

# Slips of typesetting in the documents: a quotation mark too many, or of the wrong form.
_SLIPS = (
    ("/test/”", '/test/"'),
    ('["accuracy"])”', '["accuracy"])'),
    ('image_width, image_height))" ', "image_width, image_height))"),
)


def blocks(text, fence):
    """The code blocks of a document, fenced by `fence` with or without a language after it."""
    return re.findall(rf"^{fence}[ ]?\w*[ ]*\n(.*?)^{fence}", text, re.M | re.S)


def program(*cells: str) -> str:
    """The cells as one script; lines with magics (%) are left out."""
    return "\n".join(["import sys as _sys", *(_shown(_corrected(cell)) for cell in cells)]) + "\n"


def _corrected(cell: str) -> str:
    for wrong, right in _SLIPS:
        cell = cell.replace(wrong, right)
    return "\n".join(line for line in cell.splitlines() if not line.startswith("%"))


def _shown(cell: str) -> str:
    """The cell with its last line, if it is an expression, displayed as an interpreter does."""
    last = ast.parse(cell).body[-1:]
    if not last or not isinstance(last[0], ast.Expr):
        return cell
    expression = ast.get_source_segment(cell, last[0].value)
    lines = cell.splitlines()
    before, after = lines[: last[0].lineno - 1], lines[last[0].end_lineno :]
    return "\n".join([*before, f"_sys.displayhook({expression})", *after])
