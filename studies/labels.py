"""Read a graph from its label, the arcs as text."""

from __future__ import annotations

import re

from ..invariants import Multigraph

_ARC = re.compile(r"(\d)(\d)|(\d+)-(\d+)")


def parse_label(label: str, *, bipartite: bool = False) -> Multigraph:
    """The graph of a label such as '01 12 20' (or '0-10 10-11' from ten nodes on): the inverse of `Multigraph.label`.

    Args:
        label: arcs, tail first, separated by blanks.
        bipartite: whether tails are rows and heads columns of a rectangular matrix.

    Raises:
        ValueError: an arc is not a pair of node numbers, or a node is both row and column of a rectangular matrix.

    >>> parse_label("01 12 20").formula
    'sum_ijk M_ij M_jk M_ki'
    >>> parse_label("0>1")
    Traceback (most recent call last):
        ...
    ValueError: label must be arcs such as '01 12 20' or '0-1 1-2 2-0', got '0>1'
    """
    arcs = []
    for word in label.split():
        match = _ARC.fullmatch(word)
        if match is None:
            raise ValueError(f"label must be arcs such as '01 12 20' or '0-1 1-2 2-0', got {word!r}")
        tail, head = (int(number) for number in match.groups() if number is not None)
        arcs.append((tail, head))
    if not bipartite:
        return Multigraph(arcs)
    heads = {head for _, head in arcs}
    if both := heads & {tail for tail, _ in arcs}:
        raise ValueError(f"label must not have a node that is row and column, got {label!r} with {sorted(both)}")
    return Multigraph(arcs, kinds=[int(node in heads) for node in range(1 + max(map(max, arcs), default=-1))])
