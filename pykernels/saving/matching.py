"""Fitting what a file holds to the layers of a model."""

from __future__ import annotations

from typing import NamedTuple

from ..graph import Variable
from ..user_warning import warn
from .hdf5.reader import Dataset


class Found(NamedTuple):
    """One layer: its name and variables, and its name and data sets in the file (None: it is not there)."""

    name: str
    variables: list[Variable]
    file_name: str
    datasets: list[Dataset] | None


_ROWS = 60  # of a table in a message


def shapes(values) -> str:
    texts = [str(tuple(v.shape)) for v in values[:20]]
    return ", ".join([*texts, *(["..."] if len(values) > 20 else [])]) or "no weights"


def table(model, rows: list[tuple]) -> str:
    """File against model, (in the file, in the model, whether they fit), the differences marked."""
    lines = [f"{'in the file':<44} | in model '{model.name}'"]
    for in_file, in_model, fits in rows[:_ROWS]:
        lines.append(f"{in_file[:200]:<44} | {in_model}{'' if fits else '   <-- differs'}")
    if len(rows) > _ROWS:
        lines.append(f"... and {len(rows) - _ROWS} more layers")
    return "\n".join(lines)


def match(model, file_name: str, found: list[Found], skip_mismatch: bool) -> list[tuple[Dataset, Variable]]:
    """The data set for each variable.

    Raises:
        ValueError: shapes or numbers of variables differ, and not `skip_mismatch`; the message has a table.
    """
    pairs, rows, bad = [], [], []
    for name, variables, there, datasets in found:
        fits = datasets is not None and [d.shape for d in datasets] == [tuple(v.shape) for v in variables]
        rows.append(
            (f"{there}: {shapes(datasets)}" if datasets is not None else "-", f"{name}: {shapes(variables)}", fits)
        )
        if fits:
            pairs.extend(zip(datasets, variables, strict=True))
        else:
            bad.append(name)
    if bad and not skip_mismatch:
        raise ValueError(
            f"The weights file {file_name} does not fit to model '{model.name}' (layers {', '.join(bad[:20])}); "
            f"nothing was loaded.\n{table(model, rows)}\nPass skip_mismatch=True to load the layers that fit."
        )
    if bad:
        warn(f"Weights of layers {', '.join(bad[:20])} do not fit and are left as they are.")
    return pairs
