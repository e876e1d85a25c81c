"""Names of layers, losses, metrics and optimizers, and the help that an unknown name gets."""

from __future__ import annotations

import collections
import difflib
import re

_uids: dict[str, int] = collections.defaultdict(int)


def to_snake_case(name: str) -> str:
    """`"GlorotUniform"` -> `"glorot_uniform"`, `"L1L2"` -> `"l1l2"`, `"RMSprop"` -> `"rm_sprop"`, as Keras does."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def to_camel_case(name: str) -> str:
    """`"log_softmax"` -> `"LogSoftmax"`."""
    return "".join(word.capitalize() for word in name.split("_"))


def uniquify(name: str) -> str:
    """`name` the first time, then `name_1`, `name_2`, ... until `reset_uids()`."""
    count = _uids[name]
    _uids[name] += 1
    return f"{name}_{count}" if count else name


def auto_name(prefix: str) -> str:
    """A name for an object whose user gave none: the class name in snake case, made unique."""
    return uniquify(to_snake_case(prefix))


def get_uid(prefix: str = "") -> int:
    """Counts the calls with this prefix: 1, 2, 3, ..."""
    _uids[prefix] += 1
    return _uids[prefix]


def reset_uids() -> None:
    """Automatic names start again without numbers."""
    _uids.clear()


def nearest_names(name, known) -> str:
    """A sentence naming the known names that look like `name`, with a leading space; empty when none does.

    Args:
        name: what the user wrote; anything but a string gives an empty answer.
        known: iterable of names.
    """
    if not isinstance(name, str):
        return ""
    alike: dict[str, list[str]] = {}
    for candidate in known:
        alike.setdefault(candidate.lower().replace("_", ""), []).append(candidate)
    plain = name.lower().replace("_", "").replace(" ", "")
    close = [_best_spelling(alike[key], name) for key in difflib.get_close_matches(plain, alike, n=3, cutoff=0.6)]
    if not close:
        return ""
    return f" Did you mean {' or '.join(map(repr, close))}?"


def _best_spelling(spellings, name):
    """Of spellings that differ in case and underscores, the one in the style of `name`."""
    style = (name == name.lower(), "_" in name or " " in name)
    return max(spellings, key=lambda s: ((s == s.lower()) == style[0]) + (("_" in s) == style[1]))
