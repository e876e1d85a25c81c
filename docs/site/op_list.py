"""The list of ops in docs/design.md, as the kernels register them.

python docs/site/op_list.py          # writes it
python docs/site/op_list.py --check  # fails where the file says otherwise
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from pykernels import _core

PAGE = Path(__file__).resolve().parent.parent / "design.md"
BEGIN, END = "<!-- ops: written by docs/site/op_list.py -->", "<!-- ops: end -->"


def row(*cells: str) -> str:
    escaped = [cell.replace("|", "\\|").replace("] [", "] \\[") for cell in cells]  # no cell's end, no link
    return f"| {' | '.join(escaped)} |"


def table(heads: list[str], rows: list[tuple]) -> list[str]:
    return [row(*heads), row(*["---"] * len(heads)), *(row(*cells) for cells in rows)]


def op_list() -> str:
    """A table for each family of ops, those of one form in one row, and one of the activations."""
    lines: list[str] = []
    for family, ops in itertools.groupby(_core.op_entries(), key=lambda entry: entry[1]):
        by_form: dict[str, list[str]] = {}
        for name, _, form in ops:
            by_form.setdefault(form, []).append(name)
        rows = [(" ".join(names), form) for form, names in by_form.items()]
        lines += [f"### {family}", "", *table(["ops", "form"], rows), ""]
    tables = _core.op_tables()
    whole = [name for family in ("unary", "binary") for name, f in tables[family].items() if "int32" in f["dtypes"]]
    lines += [f"Of numbers, the following take int32 and int64 too: {' '.join(whole)}.", ""]
    activations = [
        (name, facts["formula"], facts["gradient_reads"], "at least 0" if facts["takes_alpha"] else "")
        for name, facts in tables["activation"].items()
    ]
    heads = ["activation", "y", "its gradient reads", "alpha"]
    lines += ["### Activations", "", *table(heads, activations), ""]
    return "\n".join(lines)


def page(text: str) -> str:
    """The page with the list brought up to date."""
    head, _, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not end:
        raise ValueError(f"{PAGE}: the marks {BEGIN!r} and {END!r} are missing")
    return f"{head}{BEGIN}\n\n{op_list()}\n{END}{tail}"


if __name__ == "__main__":
    old = PAGE.read_text(encoding="utf-8")
    new = page(old)
    if sys.argv[1:] == ["--check"]:
        sys.exit(None if new == old else f"{PAGE} is out of date: run python docs/site/op_list.py")
    PAGE.write_text(new, encoding="utf-8")
