"""The Python code of a page or notebook: found, run in order in one namespace, and its output compared.

On a page, a fence that begins with ```python is a block. A ```text fence directly after it is the output that the block
must print, as in doctest: `...` stands for anything, and white space may differ. A block that cannot run everywhere
has a comment in front of it, `<!-- not run: the reason -->`.

    python docs/site/code_blocks.py docs/tour.md        # runs the page in the current folder
"""

from __future__ import annotations

import contextlib
import doctest
import io
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(
    r"^(?:<!-- not run: (?P<reason>[^\n]+?) -->\n\s*)?"
    r"^```python\n(?P<code>.*?)^```$"
    r"(?:\n+```text\n(?P<output>.*?)^```$)?",
    re.M | re.S,
)
_CHECKER = doctest.OutputChecker()
_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True)
class Block:
    """Code that begins on `line` (from 1) of its file; `output` is what it must print, None where nothing is said."""

    code: str
    line: int
    output: str | None = None
    reason_not_run: str | None = None


class OutputDiffersError(AssertionError):
    """A block printed something else than the page says."""


def blocks_of_page(text: str) -> list[Block]:
    """The Python blocks of a Markdown page, in order.

    Raises:
        ValueError: a ```python fence that is not at the beginning of a line, or is not closed: it would not be found.
    """
    blocks = [
        Block(found["code"], text.count("\n", 0, found.start("code")) + 1, found["output"], found["reason"])
        for found in _FENCE.finditer(text)
    ]
    fences = len(re.findall(r"```\s*(?:python|py)\b", text))
    if fences != len(blocks):
        raise ValueError(f"{fences} Python fences but {len(blocks)} blocks: write ```python at the beginning of a line")
    return blocks


def blocks_of_notebook(text: str) -> list[Block]:
    """The code cells of a Jupyter notebook without lines of magics (%); a block's line is the number of its cell."""
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    sources = ["".join(cell["source"]) for cell in cells]
    return [
        Block("\n".join(line for line in source.splitlines() if not line.startswith("%")) + "\n", number)
        for number, source in enumerate(sources, start=1)
    ]


def run(path: Path) -> None:
    """Runs a page (.md) or a notebook (.ipynb) in the current folder, its blocks in one fresh namespace.

    Raises:
        OutputDiffersError: with the block's line, the expected and the printed text.
        Exception: whatever a block raises; the traceback names the file and the line.
    """
    text = path.read_text(encoding="utf-8")
    notebook = path.suffix == ".ipynb"
    namespace: dict = {"__name__": "__main__"}
    for block in blocks_of_notebook(text) if notebook else blocks_of_page(text):
        if block.reason_not_run is not None:
            continue
        if notebook:
            code = compile(block.code, f"{path.name}, cell {block.line}", "exec")
        else:
            code = compile("\n" * (block.line - 1) + block.code, str(path), "exec")
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(code, namespace)
        if block.output is not None and not _CHECKER.check_output(block.output, printed.getvalue(), _FLAGS):
            raise OutputDiffersError(
                f"{path.name}, line {block.line}: expected\n{block.output}\nbut it printed\n{printed.getvalue()}"
            )


if __name__ == "__main__":
    run(Path(sys.argv[1]))
