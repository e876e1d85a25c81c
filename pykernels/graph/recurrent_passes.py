"""Recurrent ops without the outputs that nobody reads."""

from __future__ import annotations

from .rewriter import Rewriter, make_node

_STATES = {"lstm": 2, "gru": 1, "simple_rnn": 1}


def drop_unused_recurrent_outputs(r: Rewriter) -> None:
    """What was recorded for a gradient that nobody asked for is not kept, nor sequences where the last state is all."""
    for node in [n for n in r.nodes if n.name in _STATES]:
        states = _STATES[node.name]
        kept, rest = node.outputs[: -states - 1], node.outputs[-states - 1 :]
        if not node.attrs["sequences"]:
            continue
        keep = any(r.use_count(t) for t in kept)
        sequences = keep or r.use_count(rest[0]) > 0
        left = [*(kept if keep else []), *(rest if sequences else rest[1:])]
        if len(left) == len(node.outputs):
            continue
        attrs = {**node.attrs, "keep": keep, "sequences": sequences}
        new = make_node(node.name, node.inputs, attrs, [(tuple(t.shape), t.dtype) for t in left], (), node)
        r.insert(r.nodes.index(node), new)
        r.remove(node)
        for old, replacement in zip(left, new.outputs, strict=True):
            r.replace(old, replacement)


PASSES = (drop_unused_recurrent_outputs,)
