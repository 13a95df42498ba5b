"""Canonical labelling of a small connected multigraph: colour refinement, then a search over what refinement leaves."""

from collections.abc import Sequence

# entry [v][w]: an integer that codes the arcs from v to w (their number, by colour)
Adjacency = Sequence[Sequence[int]]


def canonical_order(adjacency: Adjacency, kinds: Sequence[int]) -> tuple[int, ...]:
    """Order the nodes so that isomorphic graphs, so ordered, have the same adjacency matrix.

    Args:
        adjacency: n x n integers; entry [v][w] codes the arcs from node v to node w.
        kinds: n integers; only nodes of one kind may be exchanged.

    Returns:
        The nodes in canonical order: among the orders that refinement and the search leave,
        the one with the lexicographically greatest (kinds, adjacency matrix).

    Source:
        B. D. McKay, Congr. Numer. 30 (1981) 45, for refinement and individualisation.

    >>> canonical_order([[0, 0], [1, 0]], kinds=[0, 0])  # one arc, from node 1 to node 0
    (1, 0)
    """
    ranks = _refine(adjacency, _ranked([(kind,) for kind in kinds]))
    return _search(adjacency, ranks)[1]


def _search(adjacency: Adjacency, ranks: list[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return (certificate, order), the certificate being the greatest that any leaf of the search tree gives."""
    n = len(ranks)
    cells: list[list[int]] = [[] for _ in range(n)]
    for node, rank in enumerate(ranks):
        cells[rank].append(node)
    target = next((cell for cell in cells if len(cell) > 1), None)
    if target is None:
        order = tuple(cell[0] for cell in cells if cell)
        return tuple(adjacency[v][w] for v in order for w in order), order
    best: tuple[tuple[int, ...], tuple[int, ...]] | None = None
    tried: list[int] = []
    for node in target:
        # Exchanging twins is an automorphism, so one of them stands for all: stars cost no factorial.
        if any(_are_twins(adjacency, node, other) for other in tried):
            continue
        tried.append(node)
        # Individualise: `node` keeps the first rank of its cell, the others move one up.
        split = [rank + 1 if rank == ranks[node] and v != node else rank for v, rank in enumerate(ranks)]
        leaf = _search(adjacency, _refine(adjacency, split))
        if best is None or leaf[0] > best[0]:
            best = leaf
    assert best is not None
    return best


def _refine(adjacency: Adjacency, ranks: list[int]) -> list[int]:
    """Split cells by what their nodes see of the other cells, until nothing changes."""
    nodes = range(len(ranks))
    cells = len(set(ranks))
    while cells < len(ranks):
        signatures = [
            (ranks[v], -adjacency[v][v], sorted((ranks[w], -adjacency[v][w], -adjacency[w][v]) for w in nodes))
            for v in nodes
        ]
        ranks = _ranked(signatures)
        if len(set(ranks)) == cells:
            break
        cells = len(set(ranks))
    return ranks


def _ranked(signatures: Sequence[object]) -> list[int]:
    """Rank of a signature = the number of smaller ones, so that a cell's rank is its first place in the order."""
    ordered = sorted(signatures)  # type: ignore[type-var]
    return [ordered.index(signature) for signature in signatures]


def _are_twins(adjacency: Adjacency, v: int, w: int) -> bool:
    if adjacency[v][v] != adjacency[w][w] or adjacency[v][w] != adjacency[w][v]:
        return False
    return all(
        adjacency[v][x] == adjacency[w][x] and adjacency[x][v] == adjacency[x][w]
        for x in range(len(adjacency))
        if x not in (v, w)
    )
