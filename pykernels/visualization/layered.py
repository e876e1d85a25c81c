"""Placing the boxes of a directed graph in rows, after Sugiyama, Tagawa and Toda ("Methods for visual understanding of
hierarchical system structures", 1981): ranks, order within the ranks, positions. Boxes never overlap, and edges that
pass ranks run through places of their own between the boxes.
"""

from __future__ import annotations

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
    for upper, lower in zip(chain, chain[1:], strict=False):
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
    for upper, lower in zip(rows, rows[1:], strict=False):
        place = {id(p): k for k, p in enumerate(lower)}
        seen: list[int] = []
        for p in upper:
            ends = [place[id(q)] for q in p.below]
            count += sum(other > end for end in ends for other in seen)
            seen.extend(ends)
    return count


# --- positions ----------------------------------------------------------------------------------------------------
def _positions(rows: list[list[_Place]], gap: float, sweeps: int = 12) -> None:
    """x of every place: as near as possible to the middle of its neighbours, without overlap. Edges that pass ranks
    pull most, so that they become straight."""
    for row in rows:
        x = 0.0
        for place in row:
            place.x = x + place.width / 2
            x += place.width + gap
        for place in row:
            place.x -= (x - gap) / 2
    if all(len(row) == 1 for row in rows):
        return
    for sweep in range(sweeps):
        down = sweep % 2 == 0
        for row in rows if down else reversed(rows):
            wanted, weights = [], []
            for place in row:
                others = place.above if down else place.below
                wanted.append(float(np.median([o.x for o in others])) if others else place.x)
                passing = place.key is None and any(o.key is None for o in others)
                weights.append(8.0 if passing else 2.0 if place.key is None else 1.0)
            _settle(row, wanted, weights, gap)


def _settle(row: list[_Place], wanted: list[float], weights: list[float], gap: float) -> None:
    """The positions with the least weighted squared distance to those wanted, in order and without overlap (pool
    adjacent violators: neighbours that would overlap move as one block)."""
    offsets = [0.0]
    for left, right in zip(row, row[1:], strict=False):
        offsets.append(offsets[-1] + (left.width + right.width) / 2 + gap)
    blocks: list[list] = []  # [sum of weighted positions, weight, members]
    for x, offset, weight in zip(wanted, offsets, weights, strict=True):
        blocks.append([(x - offset) * weight, weight, 1])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            total, weight, members = blocks.pop()
            blocks[-1] = [blocks[-1][0] + total, blocks[-1][1] + weight, blocks[-1][2] + members]
    i = 0
    for total, weight, members in blocks:
        for _ in range(members):
            row[i].x = total / weight + offsets[i]
            i += 1


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
