"""Configurations of Keras 3.2, which wrote 0 for the number of every call: of a layer that a model calls several times,
nobody can read off which result goes where.

Such a configuration gives itself away: it has calls whose results nothing uses, which no model has. Where only one way
of using all of them is possible, that is it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

_MOST_WORK = 200_000  # ways times references


def restore(entries: list, ends) -> None:
    """Puts the numbers of calls back where they were lost, in place.

    Args:
        entries: `layers` of a functional model's configuration, with calls as Keras 3 writes them.
        ends: its `output_layers`.

    Raises:
        ValueError: there are several ways, or none.
    """
    counts = {_name(e): len(_nodes(e)) for e in entries if isinstance(e, dict)}
    if all(count < 2 for count in counts.values()):
        return
    references = [
        (_name(entry), number, history)
        for entry in entries
        if isinstance(entry, dict)
        for number, node in enumerate(_nodes(entry))
        for history in _histories(node)
    ]
    at_the_end = set(_leaves(ends))
    lost = {}
    for name, count in counts.items():
        used = {h[1] for _, _, h in references if h[0] == name}
        if count > 1 and used == {0} and not _all_used(name, count, used, at_the_end):
            lost[name] = [r for r in references if r[2][0] == name]
    if lost:
        _solve(counts, references, lost, at_the_end)


def _solve(counts, references, lost, at_the_end) -> None:
    unknown = [history for of_layer in lost.values() for _, _, history in of_layer]
    ways = 1
    for history in unknown:
        ways *= counts[history[0]]
        if ways * len(references) > _MOST_WORK:
            raise _refusal(lost)
    found = []
    for numbers in itertools.product(*(range(counts[h[0]]) for h in unknown)):
        for history, number in zip(unknown, numbers, strict=True):
            history[1] = number
        used: dict = {}
        for history in unknown:
            used.setdefault(history[0], set()).add(history[1])
        all_used = all(_all_used(name, counts[name], used[name], at_the_end) for name in lost)
        if all_used and _is_ordered(counts, references):
            found.append(numbers)
    for history, number in zip(unknown, found[0] if len(found) == 1 else [0] * len(unknown), strict=True):
        history[1] = number
    if len(found) != 1:
        raise _refusal(lost)


def _refusal(lost) -> ValueError:
    name, readers = next(iter(lost.items()))
    return ValueError(
        f"The model calls '{name}' several times, and its configuration does not say which result goes where (layers "
        f"{', '.join(sorted({reader for reader, _, _ in readers})[:5])}): Keras 3.2 wrote such files. Build the model "
        "in code and read the weights with load_weights(), which takes this file too."
    )


def _all_used(name: str, count: int, used: set, at_the_end: set) -> bool:
    # Among the outputs, the calls of models within models may be counted from 1.
    return len(used | {n for end, n in at_the_end if end == name}) >= count


def _is_ordered(counts, references) -> bool:
    """Whether no call needs itself, calls of one layer being made one after the other."""
    needs: dict[tuple, set] = {(name, i): set() for name, count in counts.items() for i in range(count)}
    for name, number, history in references:
        if (history[0], history[1]) in needs:
            needs[name, number].add((history[0], history[1]))
    for name, number in needs:
        if number:
            needs[name, number].add((name, number - 1))
    needed_by: dict[tuple, list] = {}
    for key, others in needs.items():
        for other in others:
            needed_by.setdefault(other, []).append(key)
    ready = [key for key, others in needs.items() if not others]
    for key in ready:  # grows meanwhile
        for later in needed_by.get(key, ()):
            needs[later].discard(key)
            if not needs[later]:
                ready.append(later)
    return len(ready) == len(needs)


# --- what a configuration says ------------------------------------------------------------------------------------
def _name(entry: dict) -> str:
    config = entry.get("config")
    return str(entry.get("name", config.get("name") if isinstance(config, dict) else None))


def _nodes(entry: dict) -> list:
    nodes = entry.get("inbound_nodes")
    return [n for n in nodes if isinstance(n, dict)] if isinstance(nodes, list) else []


def _histories(node: dict) -> Iterator[list]:
    """The lists [name, call, place] in a call, which may be changed."""
    pending: list = [node.get("args"), node.get("kwargs")]
    while pending:
        x = pending.pop()
        if isinstance(x, dict):
            inner = x.get("config")
            history = inner.get("keras_history") if isinstance(inner, dict) else None
            if isinstance(history, list) and tuple(map(type, history)) == (str, int, int):
                yield history
            elif "class_name" not in x:
                pending.extend(x.values())
        elif isinstance(x, list):
            pending.extend(x)


def _leaves(ends) -> Iterator[tuple[str, int]]:
    if isinstance(ends, (list, tuple)) and len(ends) == 3 and tuple(map(type, ends)) == (str, int, int):
        yield ends[0], ends[1]
    elif isinstance(ends, (list, tuple, dict)):
        for item in ends.values() if isinstance(ends, dict) else ends:
            yield from _leaves(item)
