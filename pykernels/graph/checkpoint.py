"""Keeping fewer activations: forward values that the backward pass reads are computed a second time.

The forward pass is cut into segments. What crosses a cut is kept; the rest of a segment is computed again, from what
is kept, right before the backward pass enters the segment. With k segments of a chain of n equal layers about
n / k + k activations are alive instead of n, the least with k = sqrt(n) (Chen, Xu, Zhang, Guestrin, "Training Deep Nets
with Sublinear Memory Cost", 2016). Here segments have about equal bytes, each cut goes where little crosses, and of
several numbers of segments the one with the smallest peak is taken.

The values are the same bit for bit: the same kernels run on the same inputs, random masks are functions of their key,
and nothing that updates a variable runs twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .rewriter import make_node
from .tensor import Node, Tensor
from .variable import Variable


def checkpoint_activations(nodes: list[Node], outputs: list, lower: Callable):
    """The lowered program of a training step, rearranged to need less memory; as it is where nothing is gained.

    Args:
        nodes: in the order of recording. What comes before the check that the loss is finite is the forward pass.
        outputs: of the program.
        lower: `lower(nodes)` gives a `Lowering`, which knows what shares memory and how much is alive at once.
    """
    best = lower(nodes)
    end = next((i for i, node in enumerate(nodes) if node.name == "check_finite"), None)
    if end is None:
        return best
    step = _ForwardPass(nodes, end, outputs, best)
    least = best.peak()
    for count in _segment_counts(len(step.saved)):
        candidate = lower(step.checkpointed(step.cuts(count)))
        peak = candidate.peak()
        if peak < least:
            best, least = candidate, peak
    return best


def _segment_counts(saved: int) -> list[int]:
    """Numbers of segments worth trying for so many saved values: around the square root, and a few others."""
    root = max(2, round(math.sqrt(saved)))
    counts = {2, 3, 4, 6, 8, root - 1, root, root + 1, root + root // 2, 2 * root}
    return sorted(c for c in counts if 2 <= c <= max(2, saved))


def _size(tensor) -> int:
    return math.prod(tensor.shape) * np.dtype(tensor.dtype).itemsize


class _ForwardPass:
    """The forward pass of a step: which values it makes, where, and their uses."""

    def __init__(self, nodes: list[Node], end: int, outputs: list, lowering):
        self.nodes, self.end = nodes, end
        self.alive = [node.outputs for node in nodes]  # ids stay those of one tensor each
        self.alive_again: list = []
        self.outputs = {id(o) for o in outputs}
        self.root: dict[int, int] = {}  # id of a tensor -> the lowering's value whose memory it has
        self.size: dict[int, int] = {}  # of roots, in bytes
        self.made_at: dict[int, int] = {}  # of tensors and roots
        for i, tensors in enumerate(self.alive):
            for t in tensors:
                root = lowering.root(t)
                self.root[id(t)] = root
                self.size.setdefault(root, _size(t))
                self.made_at.setdefault(root, i)
                self.made_at[id(t)] = i
        self.writes: dict[int, list[int]] = {}
        for i, node in enumerate(nodes):
            for v in node.writes:
                self.writes.setdefault(id(v), []).append(i)
        self.last_forward_read: dict[int, int] = {}
        for i, node in enumerate(nodes[:end]):
            self.last_forward_read.update((self.root[id(x)], i) for x in node.inputs if id(x) in self.root)
        backward = {self.root[id(x)] for node in nodes[end:] for x in node.inputs if id(x) in self.root}
        self.saved = [r for r in dict.fromkeys(self.root.values()) if r in backward and self.made_at[r] < end]

    # --- where to cut -----------------------------------------------------------------------------------
    def cuts(self, count: int) -> list[int]:
        """Positions of nodes that start a segment, for about `count` segments of equal saved bytes."""
        weight = [0] * self.end
        for r in self.saved:
            weight[self.made_at[r]] += self.size[r]
        crossing = self._crossing()
        budget = sum(weight) / count
        found, held, best = [], 0.0, None
        for i in range(self.end - 1):
            held += weight[i]
            if held >= 0.6 * budget and (best is None or crossing[i] <= crossing[best]):
                best = i
            if held >= 1.2 * budget and best is not None:
                found.append(best + 1)
                held, best = float(sum(weight[best + 1 : i + 1])), None
        return found

    def _crossing(self) -> list[int]:
        """Bytes made up to each forward node and read by later ones of the forward pass."""
        change = [0] * (self.end + 1)
        for r, last in self.last_forward_read.items():
            first = self.made_at[r]
            if first < last:
                change[first] += self.size[r]
                change[last] -= self.size[r]
        return list(np.cumsum(change))

    # --- computing again --------------------------------------------------------------------------------
    def checkpointed(self, cuts: list[int]) -> list[Node]:
        """The nodes with what lies in all segments but the last computed again in the backward pass."""
        segment_of = np.searchsorted(np.asarray(cuts), np.arange(self.end), side="right")
        again: dict[int, Tensor] = {}  # id of a forward tensor -> the one computed again
        result = list(self.nodes[: self.end])
        done: set[int] = set()
        for i in range(self.end, len(self.nodes)):
            node = self.nodes[i]
            for x in self._forward_inputs(node):
                at = self.made_at[id(x)]
                segment = int(segment_of[at])
                if segment == len(cuts) or segment in done:
                    continue
                if not self._is_kept(x, cuts[segment], self._can_run_again(at, i)):
                    done.add(segment)
                    first = cuts[segment - 1] if segment else 0
                    result.extend(self._again(first, cuts[segment], i, again))
            if any(id(x) in again for x in node.inputs):
                node = _rewired(node, again)
            result.append(node)
        return result

    def _forward_inputs(self, node: Node):
        return [x for x in node.inputs if self.made_at.get(id(x), self.end) < self.end]

    def _again(self, first: int, stop: int, before: int, again: dict) -> list[Node]:
        """Copies of the nodes `first` to `stop` whose values the backward pass, from node `before` on, needs again."""
        wanted = {id(x) for node in self.nodes[before:] for x in self._forward_inputs(node)}
        inside = range(first, stop)
        computable = {i for i in inside if self._can_run_again(i, before)}
        needed: set[int] = set()
        kept = set()
        for i in reversed(inside):
            for t in self.alive[i]:
                if self._is_kept(t, stop, i in computable):
                    kept.add(id(t))
                elif id(t) in wanted:
                    needed.add(i)
            if i in needed:
                wanted.update(id(x) for x in self._forward_inputs(self.nodes[i]) if id(x) not in kept)
        copies = []
        for i in inside:
            if i not in needed:
                continue
            node = self.nodes[i]
            kinds = [(tuple(t.shape), t.dtype) for t in self.alive[i]]
            copy = make_node(node.name, [again.get(id(x), x) for x in node.inputs], node.attrs, kinds, (), node)
            copies.append(copy)
            self.alive_again.append(copy.outputs)
            for old, new in zip(self.alive[i], copy.outputs, strict=True):
                if id(old) not in kept:
                    again[id(old)] = new
        return copies

    def _is_kept(self, tensor, stop: int, computable: bool) -> bool:
        """Whether a value of a segment stays in memory anyway: later segments or the program's outputs read it, or it
        cannot be had again."""
        root = self.root[id(tensor)]
        return not computable or self.last_forward_read.get(root, -1) >= stop or id(tensor) in self.outputs

    def _can_run_again(self, i: int, before: int) -> bool:
        """Whether node i gives the same result at position `before`: it updates nothing, and nothing that it reads has
        been updated by then."""
        node = self.nodes[i]
        if node.writes or node.name == "check_finite":
            return False
        read = [id(x) for x in node.inputs if isinstance(x, Variable)]
        return not any(i < at < before for v in read for at in self.writes.get(v, ()))


def _rewired(node: Node, again: dict) -> Node:
    new = Node.__new__(Node)
    for slot in Node.__slots__:
        setattr(new, slot, getattr(node, slot))
    new.inputs = [again.get(id(x), x) for x in node.inputs]
    return new
