"""Placing the boxes of a directed graph in rows, after Sugiyama, Tagawa and Toda ("Methods for visual understanding of
hierarchical system structures", 1981): ranks, order within the ranks, positions. Boxes never overlap, and edges that
pass ranks run through places of their own between the boxes.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

import numpy as np


class Layout(NamedTuple):
    """Positions in the units of the sizes given; x grows to the right, y downwards, both from 0.

    Attributes:
        centers: node -> (x, y) of its middle.
        paths: one per edge, in the order given: list of points (x, y), beginning below the source's box and ending
            above the target's. Points come in pairs with one x: vertical pieces within a rank; between pairs the path
            crosses the gap between two ranks.
        size: (width, height) of the whole.
    """

    centers: dict[Hashable, tuple[float, float]]
    paths: list[list[tuple[float, float]]]
    size: tuple[float, float]


class _Place:
    """A box, or the place where an edge passes a rank."""

    __slots__ = ("above", "below", "height", "key", "rank", "width", "x")

    def __init__(self, key, rank: int, width: float, height: float):
        self.key, self.rank, self.width, self.height = key, rank, width, height
        self.above: list[_Place] = []
        self.below: list[_Place] = []
        self.x = 0.0


def layered_layout(
    sizes: Mapping[Hashable, tuple[float, float]],
    edges: Sequence[tuple[Hashable, Hashable]],
    gap_x: float,
    gap_y: float,
    edge_width: float,
) -> Layout:
    """Places boxes so that edges lead downwards.

    Args:
        sizes: node -> (width, height), in an order in which every edge leads forwards.
        edges: (source, target); several between two nodes are drawn as one.
        gap_x, gap_y: least distance between boxes side by side, and between ranks.
        edge_width: width of the place of an edge that passes a rank.

    Returns:
        A `Layout`.
    """
    if not sizes:
        return Layout({}, [], (0.0, 0.0))
    rank = _ranks(list(sizes), edges)
    places = {key: _Place(key, rank[key], *sizes[key]) for key in sizes}
    rows: list[list[_Place]] = [[] for _ in range(max(rank.values()) + 1)]
    for key in sizes:
        rows[rank[key]].append(places[key])
    chains = [_chain(places[a], places[b], rows, edge_width) for a, b in edges]
    _order(rows)
    _positions(rows, gap_x)
    return _finished(rows, chains, gap_y)


def _ranks(nodes: list, edges) -> dict:
    """Longest path from the start; then nodes without a predecessor move down to just above their first target."""
    order = {node: i for i, node in enumerate(nodes)}
    rank = dict.fromkeys(nodes, 0)
    ahead: dict = {node: [] for node in nodes}
    behind: dict = {node: [] for node in nodes}
    for a, b in edges:
        if order[a] >= order[b]:
            raise ValueError("layered_layout: an edge leads backwards")
        ahead[a].append(b)
        behind[b].append(a)
    for node in nodes:
        for after in ahead[node]:
            rank[after] = max(rank[after], rank[node] + 1)
    for node in reversed(nodes):
        if ahead[node] and not behind[node]:
            rank[node] = min(rank[after] for after in ahead[node]) - 1
    return rank


def _chain(a: _Place, b: _Place, rows, edge_width: float) -> list[_Place]:
    """The places of an edge: its ends, and one in each rank between."""
    chain = [a]
    for rank in range(a.rank + 1, b.rank):
        chain.append(_Place(None, rank, edge_width, 0.0))
        rows[rank].append(chain[-1])
    chain.append(b)
    for upper, lower in itertools.pairwise(chain):
        if lower not in upper.below:
            upper.below.append(lower)
            lower.above.append(upper)
    return chain


# --- order within the ranks ------------------------------------------------------------------------------------
def _order(rows: list[list[_Place]], sweeps: int = 8) -> None:
    """Sorts each rank by the mean place of the neighbours, downwards and upwards, and keeps the order with the fewest
    crossings."""
    if max(map(len, rows)) == 1:
        return
    best, fewest = [row[:] for row in rows], _crossings(rows)
    for sweep in range(sweeps):
        if fewest == 0:
            break
        down = sweep % 2 == 0
        for i in range(1, len(rows)) if down else range(len(rows) - 2, -1, -1):
            fixed = {id(p): k for k, p in enumerate(rows[i - 1] if down else rows[i + 1])}
            own = {id(p): k for k, p in enumerate(rows[i])}

            def mean(place, fixed=fixed, own=own, down=down):
                others = place.above if down else place.below
                return np.mean([fixed[id(o)] for o in others]) if others else own[id(place)]

            rows[i].sort(key=mean)
        now = _crossings(rows)
        if now < fewest:
            best, fewest = [row[:] for row in rows], now
    rows[:] = best


def _crossings(rows: list[list[_Place]]) -> int:
    count = 0
    for upper, lower in itertools.pairwise(rows):
        place = {id(p): k for k, p in enumerate(lower)}
        seen: list[int] = []
        for p in upper:
            ends = [place[id(q)] for q in p.below]
            count += sum(other > end for end in ends for other in seen)
            seen.extend(ends)
    return count


# --- positions ----------------------------------------------------------------------------------------------------
class _Block:
    """Places that stand exactly below each other: a chain of boxes, or an edge that passes ranks."""

    __slots__ = ("left", "neighbours", "right", "x")

    def __init__(self):
        self.x = 0.0
        self.left: dict[_Block, float] = {}  # block to the left -> least distance of the middles
        self.right: dict[_Block, float] = {}
        self.neighbours: list[_Block] = []  # blocks that edges lead to or come from


def _positions(rows: list[list[_Place]], gap: float, sweeps: int = 60) -> None:
    """x of every place. Chains are straight; blocks come as near as they can to the middle of their neighbours."""
    blocks = _linked(rows, _blocks(rows, chains=True), gap) or _linked(rows, _blocks(rows, chains=False), gap)
    order, of = blocks
    for block in order:  # packed to the left; `order` begins with what has nothing to its left
        block.x = max((other.x + distance for other, distance in block.left.items()), default=0.0)
    for sweep in range(sweeps):
        for block in order if sweep % 2 else reversed(order):
            _move([block])
        for cluster in _touching(order):
            _move(cluster)
    for row in rows:
        for place in row:
            place.x = of[place].x


def _blocks(rows: list[list[_Place]], chains: bool) -> dict[_Place, _Block]:
    """The block of each place. With `chains` a box stands below the one box above it if it is the one box below that,
    or begins the longest chain there: the trunk of a network stays straight, shortcuts go beside it."""
    run: dict[_Place, int] = {}  # boxes in the chain that begins here
    for row in reversed(rows):
        for place in row:
            after = place.below[0] if len(place.below) == 1 else None
            goes_on = after is not None and after.key is not None and len(after.above) == 1
            run[place] = (place.key is not None) + (run[after] if goes_on else 0)
    of: dict[_Place, _Block] = {}
    for row in rows:
        for place in row:
            upper = _foremost(place.above, run=None) if chains else None
            of[place] = of[upper] if upper is not None and _foremost(upper.below, run) is place else _Block()
    return of


def _foremost(places: list[_Place], run: dict[_Place, int] | None) -> _Place | None:
    """The only neighbour; else the only box among them, or the one with the longest run. None where there is none."""
    if len(places) == 1:
        return places[0]
    boxes = [p for p in places if p.key is not None]
    if run is not None and boxes:
        longest = max(run[p] for p in boxes)
        boxes = [p for p in boxes if run[p] == longest]
    return boxes[0] if len(boxes) == 1 else None


def _linked(rows, of: dict[_Place, _Block], gap: float) -> tuple[list[_Block], dict[_Place, _Block]] | None:
    """Distances and neighbours filled in, and the blocks from left to right; None where there is no such order."""
    for row in rows:
        for a, b in itertools.pairwise(row):
            least = max((a.width + b.width) / 2 + gap, of[a].right.get(of[b], 0.0))
            of[a].right[of[b]] = of[b].left[of[a]] = least
        for place in row:
            for other in place.below:
                if of[place] is not of[other]:
                    of[place].neighbours.append(of[other])
                    of[other].neighbours.append(of[place])
    waiting = {block: len(block.left) for block in of.values()}
    ready = [block for block, count in waiting.items() if count == 0]
    order: list[_Block] = []
    while ready:
        order.append(ready.pop())
        for other in order[-1].right:
            waiting[other] -= 1
            if waiting[other] == 0:
                ready.append(other)
    return (order, of) if len(order) == len(waiting) else None


def _move(cluster: list[_Block]) -> None:
    """Moves blocks together towards their neighbours, as far as the blocks beside them let them."""
    inside = set(cluster)
    pulls = [other.x - block.x for block in cluster for other in block.neighbours if other not in inside]
    if not pulls:
        return
    least, most = -np.inf, np.inf
    for block in cluster:
        for other, distance in block.left.items():
            if other not in inside:
                least = max(least, other.x + distance - block.x)
        for other, distance in block.right.items():
            if other not in inside:
                most = min(most, other.x - distance - block.x)
    shift = min(max(sum(pulls) / len(pulls), min(least, 0.0)), max(most, 0.0))
    for block in cluster:
        block.x += shift


def _touching(order: list[_Block]) -> list[list[_Block]]:
    """Groups of two or more blocks that stand at the least distance and so cannot move alone."""
    group: dict[_Block, list[_Block]] = {}
    for block in order:
        mine = group.setdefault(block, [block])
        for other, distance in block.left.items():
            theirs = group.setdefault(other, [other])
            if theirs is not mine and block.x - other.x < distance * (1 + 1e-9) + 1e-9:
                mine.extend(theirs)
                group.update(dict.fromkeys(theirs, mine))
    return [cluster for cluster in {id(c): c for c in group.values()}.values() if len(cluster) > 1]


def _finished(rows, chains, gap_y: float) -> Layout:
    left = min(p.x - p.width / 2 for row in rows for p in row)
    right = max(p.x + p.width / 2 for row in rows for p in row)
    tops, bottoms, y = [], [], 0.0
    for row in rows:
        tops.append(y)
        y += max(p.height for p in row)
        bottoms.append(y)
        y += gap_y
    centers = {
        p.key: (p.x - left, (tops[p.rank] + bottoms[p.rank]) / 2) for row in rows for p in row if p.key is not None
    }
    paths = []
    for chain in chains:
        first, last = chain[0], chain[-1]
        points = [(first.x - left, centers[first.key][1] + first.height / 2), (first.x - left, bottoms[first.rank])]
        for place in chain[1:-1]:
            points += [(place.x - left, tops[place.rank]), (place.x - left, bottoms[place.rank])]
        points += [(last.x - left, tops[last.rank]), (last.x - left, centers[last.key][1] - last.height / 2)]
        paths.append(points)
    return Layout(centers, paths, (right - left, bottoms[-1]))
