"""The state of an optimizer in files: which array belongs to which of its variables.

Keras 3 keeps the counter, the learning rate, then the slots, those that are made together variable by variable (m, v,
m, v, ...); a schedule has no learning rate there. Keras 2.11 to 2.15 did the same without the learning rate, and kept
momentums for SGD even where they are not used. Before, the slots were kept by kind (all m, all v, ...), and names said
which: `Adam/dense/kernel/m:0`. Keras 1 and the standalone Keras 2 had no such names; their later versions kept for
Adam an array of one number for each variable in place of what only amsgrad needs. RMSprop had no counter at first.
"""

from __future__ import annotations

from typing import NamedTuple

from ..graph import Variable
from .hdf5.reader import Dataset
from .theano import Converted

# The words for slots in names, and what pykernels' optimizers call them.
_KINDS = {
    "m": "momentum",
    "momentum": "momentum",
    "v": "velocity",
    "velocity": "velocity",
    "rms": "velocity",
    "vhat": "velocity_hat",
    "velocity_hat": "velocity_hat",
    "mg": "average_gradient",
    "average_gradient": "average_gradient",
    "average": "average",
    "gradient_accumulator": "gradient_accumulator",
    "accumulator": "accumulator",
    "linear": "linear",
    "accum_grad": "accumulated_grad",
    "accumulated_grad": "accumulated_grad",
    "accum_var": "accumulated_delta_var",
    "accumulated_delta_var": "accumulated_delta_var",
    "u": "norm",
    "norm": "norm",
}
_LISTS = {
    "momentum": ("momentums", "_momentums", "_m"),
    "velocity": ("_velocities",),
    "velocity_hat": ("_velocity_hats",),
    "average_gradient": ("_average_gradients",),
    "average": ("_averages",),
    "gradient_accumulator": ("_accumulated_gradients",),
    "accumulator": ("_accumulators",),
    "linear": ("_linears",),
    "accumulated_grad": ("_accumulated_grads",),
    "accumulated_delta_var": ("_accumulated_delta_vars",),
    "norm": ("_u",),
}
_OLD_OF = {"norm": "velocity"}  # tf.keras called Adamax's norm v
_BY_KIND = (  # Adam had all m, then all v
    *("average", "momentum", "velocity", "velocity_hat", "average_gradient"),
    *("norm", "accumulator", "linear", "accumulated_grad", "accumulated_delta_var"),
)
_BY_KIND_RMS = ("average", "velocity", "momentum", "average_gradient")

Pairs = list[tuple[Dataset, Variable]]


class _Target(NamedTuple):
    """A variable, and how the weight that it belongs to was converted (None: it was not)."""

    variable: Variable
    conversion: Converted | None

    @property
    def shape(self) -> tuple:
        """In the file."""
        return tuple((self.conversion.dataset if self.conversion else self.variable).shape)

    def pair(self, dataset) -> tuple[Dataset, Variable]:
        c = self.conversion
        return (Converted(dataset, c.shape, c.function) if c else dataset), self.variable


def fit(optimizer, datasets, names: list[str] | None = None, sort_by=None, conversions=None) -> Pairs | None:
    """The arrays of a file with the variables of an optimizer that is built; None when they do not fit.

    Args:
        datasets: in the order of the file.
        names: of the data sets, where the file has them (`.h5` of whole models).
        sort_by: a name for each trained variable, for files that have the slots in the order of these names.
        conversions: id of a trained variable -> the `Converted` data set that it was read from.
    """
    if len(datasets) <= 2 and (scalars := _scalars(optimizer, datasets)) is not None:
        return scalars  # saved before the first step
    variables = optimizer.variables
    trained = [_Target(v, (conversions or {}).get(id(v))) for v in optimizer._trainable_variables]
    slots = _slots(optimizer, trained)
    if names is not None and _is_of_today(datasets, names, variables):
        return list(zip(datasets, variables, strict=True))
    if names is not None and any(_kind(name) for name in names):
        return _by_names(optimizer, datasets, names, slots)
    if names is None:
        for wanted in (variables, _without_rate(optimizer)):
            if _shapes(datasets) == _shapes(wanted):
                return list(zip(datasets, wanted, strict=True))
    if sort_by is not None:
        order = sorted(range(len(sort_by)), key=sort_by.__getitem__)
        sorted_slots = {kind: [targets[i] for i in order] for kind, targets in slots.items()}
        found = _by_structure(optimizer, datasets, sorted_slots, [trained[i] for i in order], grouped=True)
        if found is not None:
            return found
    return _by_structure(optimizer, datasets, slots, trained, names is not None)


def _shapes(values) -> list[tuple]:
    return [tuple(v.shape) for v in values]


def _is_of_today(datasets, names, variables) -> bool:
    """Whether the arrays of a file are the variables in their order, as in files of Keras 3."""
    of_kinds = [_kind(name) for name in names] == [_kind(v.name) for v in variables]
    return of_kinds and _shapes(datasets) == _shapes(variables)


def _rate(optimizer) -> Variable | None:
    return optimizer._learning_rate if isinstance(optimizer._learning_rate, Variable) else None


def _product(optimizer) -> Variable | None:
    """Nadam's product of momentums, which Keras 1 and 2 had behind the counter."""
    return getattr(optimizer, "_u_product", None)


def _without_rate(optimizer) -> list[Variable]:
    rate = _rate(optimizer)
    return [v for v in optimizer.variables if v is not rate]


def _slots(optimizer, trained: list[_Target]) -> dict[str, list[_Target]]:
    """Kind -> a variable for each one that is trained."""
    found = {}
    for kind, attributes in _LISTS.items():
        for attribute in attributes:
            slots = getattr(optimizer, attribute, None)
            if isinstance(slots, list) and slots and len(slots) == len(trained):
                found[kind] = [_Target(v, weight.conversion) for v, weight in zip(slots, trained, strict=True)]
    return found


def _covers(optimizer, slots: dict) -> bool:
    """Whether the kinds are all that the optimizer has: one of the user's may have others."""
    scalars = (_rate(optimizer), _product(optimizer))
    known = 1 + sum(v is not None for v in scalars) + sum(map(len, slots.values()))
    return known == len(optimizer.variables)


# --- by names ---------------------------------------------------------------------------------------------------
def _kind(name: str) -> str | None:
    parts = name.partition(":")[0].split("/")
    for word in (parts[-1], *parts[1:2]):
        if len(parts) > 1 and word in _KINDS:
            return _KINDS[word]
    endings = [word for word in _KINDS if len(word) > 1 and parts[-1].endswith(f"_{word}")]
    return _KINDS[max(endings, key=len)] if endings else None


def _by_names(optimizer, datasets, names, slots) -> Pairs | None:
    if not _covers(optimizer, slots):
        fits = _shapes(datasets) == _shapes(optimizer.variables)
        return list(zip(datasets, optimizer.variables, strict=True)) if fits else None
    given: dict = {}
    for name, dataset in zip(names, datasets, strict=True):
        given.setdefault(_kind(name), []).append(dataset)
    pairs = _scalars(optimizer, given.pop(None, []))
    for kind, old in _OLD_OF.items():
        if kind in slots and kind not in given and old in given:
            given[kind] = given.pop(old)
    if pairs is None or not set(slots) <= set(given):
        return None
    for kind, targets in slots.items():
        if _shapes(given[kind]) != _shapes(targets):
            return None
        pairs += [target.pair(dataset) for dataset, target in zip(given[kind], targets, strict=True)]
    return pairs


def _scalars(optimizer, datasets) -> Pairs | None:
    """The counter, and the learning rate if it is there."""
    if len(datasets) > 2 or any(tuple(d.shape) != () for d in datasets):
        return None
    second = _rate(optimizer) if _product(optimizer) is None else _product(optimizer)
    wanted = [optimizer._iterations] if second is None else [optimizer._iterations, second]
    return list(zip(datasets, wanted, strict=False))


# --- by structure -----------------------------------------------------------------------------------------------
def _by_structure(optimizer, datasets, slots, targets, grouped: bool) -> Pairs | None:
    if not _covers(optimizer, slots):
        return None
    trained = _shapes(targets)
    head = next((i for i, d in enumerate(datasets[:2]) if tuple(d.shape) != ()), min(2, len(datasets)))
    for count in range(head, -1, -1):
        pairs = _scalars(optimizer, datasets[:count])
        rest = datasets[count:]
        while rest[-len(trained) :] and _shapes(rest[-len(trained) :]) == [(1,)] * len(trained) != trained:
            rest = rest[: -len(trained)]
        found = _slot_pairs(optimizer, slots, rest, trained, grouped) if pairs is not None else None
        if found is not None:
            return [*pairs, *found]
    return None


def _slot_pairs(optimizer, slots, rest, trained, grouped: bool) -> Pairs | None:
    kinds = _BY_KIND_RMS if hasattr(optimizer, "centered") else _BY_KIND
    needed = [kind for kind in kinds if kind in slots]
    if "gradient_accumulator" in slots:
        return None
    if not needed and hasattr(optimizer, "nesterov") and _shapes(rest) in (trained, []):
        return []  # momentums of SGD that nothing uses
    if not needed or len(rest) != len(needed) * len(trained):
        return [] if not rest and not needed else None
    wanted = [target for kind in needed for target in slots[kind]]
    if not grouped:
        wanted = [_Target(v, None) for v in _without_rate(optimizer)[1:] if v is not _product(optimizer)]
    if _shapes(rest) != _shapes(wanted):
        return None
    return [target.pair(dataset) for dataset, target in zip(rest, wanted, strict=True)]
