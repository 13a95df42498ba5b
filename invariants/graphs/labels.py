"""Read a graph from its label, the arcs as text."""

from __future__ import annotations

import re

from .families import SQUARE, GraphFamily
from .multigraph import Multigraph

_ARC = re.compile(r"([A-Z]?)(?:(\d)(\d)|(\d+)-(\d+))")


def parse_label(label: str, family: GraphFamily = SQUARE) -> Multigraph:
    """Return the graph of a label such as '01 12 20' (or '0-10 10-11' from ten nodes on). This is the inverse of
    `Multigraph.label`.

    Args:
        label: arcs, tail first, separated by blanks; with several matrices each begins with the matrix's letter.
        family: the kind of matrices; of a rectangular one tails are rows and heads columns.

    Returns:
        The graph.

    Raises:
        ValueError: an arc is not a pair of node numbers, or not one of the kind of matrices.

    >>> parse_label("01 12 20").formula
    'sum_ijk M_ij M_jk M_ki'
    >>> parse_label("0>1")
    Traceback (most recent call last):
        ...
    ValueError: label must be arcs such as '01 12 20' or '0-1 1-2 2-0', got '0>1'
    """
    arcs, colours = [], []
    for word in label.split():
        match = _ARC.fullmatch(word)
        if match is None:
            raise ValueError(f"label must be arcs such as '01 12 20' or '0-1 1-2 2-0', got {word!r}")
        letter, *numbers = match.groups()
        tail, head = (int(number) for number in numbers if number is not None)
        arcs.append((tail, head))
        colours.append(ord(letter) - ord("A") if letter else 0)
    kinds: dict[int, int] = {}
    for (tail, head), colour in zip(arcs, colours, strict=True):
        if colour >= len(family.arc_types):
            raise ValueError(f"label must be of {len(family.arc_types)} matrices at most, got {label!r}")
        arc_type = family.arc_types[colour]
        if tail == head and not arc_type.may_loop:
            raise ValueError(f"label must not have loops for this kind of matrices, got {label!r}")
        for node, kind in ((tail, arc_type.tail), (head, arc_type.head)):
            if kinds.setdefault(node, kind) != kind:
                raise ValueError(f"label must not have a node that is row and column, got {label!r} with {node}")
    # a gap in the numbering is told by Multigraph
    node_kinds = [kinds.get(node, 0) for node in range(1 + max(kinds, default=-1))]
    return Multigraph(arcs, colours, node_kinds, family.directed)
