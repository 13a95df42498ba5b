"""Two arcs removed from a graph and their ends joined: what is left of a product of derivatives by one entry.

The derivative of O_G by M_ij is the sum over arcs of G without that arc, its ends held at i and j. A product of two
such derivatives, summed over i and j, holds the tails of the two arcs together at i and their heads at j: an invariant
again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import permutations

from ..graphs.families import GraphFamily
from ..graphs.multigraph import Multigraph

#: What is left: a graph (None where no arc is), and how many free nodes of each kind, each a factor of its size.
Remainder = tuple[Multigraph | None, tuple[int, ...]]
#: A linear combination of what is left.
Remainders = dict[Remainder, Fraction]


@lru_cache(maxsize=1 << 16)
def joined_across(first: Multigraph, second: Multigraph, family: GraphFamily) -> Remainders:
    """Remove one arc from each of two graphs in all ways, and join the ends: <grad O_first, grad O_second>.

    >>> from pigmm.invariants.graphs.families import SQUARE
    >>> loop = Multigraph([(0, 0)])  # the trace; its gradient is the unit matrix
    >>> joined_across(loop, loop, SQUARE)
    {(None, (1,)): Fraction(1, 1)}
    """
    found: Remainders = defaultdict(Fraction)
    for left, left_times in _opened(first, family).items():
        for right, right_times in _opened(second, family).items():
            for remainder, coefficient in _closed(left, right, family).items():
                found[remainder] += left_times * right_times * coefficient
    return _without_zeros(found)


@lru_cache(maxsize=1 << 12)
def joined_within(graph: Multigraph, family: GraphFamily) -> Remainders:
    """Remove two arcs from one graph in all ways, in both orders, and join their ends: Laplacian O_graph.

    >>> from pigmm.invariants.graphs.families import SQUARE
    >>> joined_within(Multigraph([(0, 1), (0, 1)]), SQUARE)  # sum M_ij^2
    {(None, (2,)): Fraction(2, 1)}
    """
    found: Remainders = defaultdict(Fraction)
    for pair in permutations(range(graph.degree), 2):
        for remainder, coefficient in _joined(graph.arcs, graph.colours, graph.kinds, pair, family).items():
            found[remainder] += coefficient
    return _without_zeros(found)


def _without_zeros(found: Remainders) -> Remainders:
    return {remainder: coefficient for remainder, coefficient in found.items() if coefficient}


@lru_cache(maxsize=1 << 14)
def _opened(graph: Multigraph, family: GraphFamily) -> Counter[Multigraph]:
    """The graph with one arc marked, in all ways; a mark is a colour of its own for each colour of arcs.

    Arcs that a symmetry of the graph carries to each other are so counted together.
    """
    marks = len(family.arc_types)
    found: Counter[Multigraph] = Counter()
    for arc, colour in enumerate(graph.colours):
        colours = [*graph.colours[:arc], marks + colour, *graph.colours[arc + 1 :]]
        found[Multigraph(graph.arcs, colours, graph.kinds, graph.directed)] += 1
    return found


@lru_cache(maxsize=1 << 18)
def _closed(left: Multigraph, right: Multigraph, family: GraphFamily) -> Remainders:
    """Two graphs with a marked arc each, joined at their marks."""
    shift = left.number_of_nodes
    arcs = left.arcs + tuple((tail + shift, head + shift) for tail, head in right.arcs)
    colours, marks = left.colours + right.colours, len(family.arc_types)
    pair = [arc for arc, colour in enumerate(colours) if colour >= marks]
    return _joined(arcs, [c % marks for c in colours], left.kinds + right.kinds, pair, family)


def _joined(
    arcs: Sequence[tuple[int, int]],
    colours: Sequence[int],
    kinds: Sequence[int],
    pair: Sequence[int],
    family: GraphFamily,
) -> Remainders:
    """Remove a pair of arcs and join tail with tail and head with head; nothing, if they are of different matrices.

    Of symmetric matrices an arc has no direction: half of each of the two ways to join. Of those of zero diagonal the
    two joined nodes must differ: less what is left when they are one.
    """
    a, b = pair
    found: Remainders = defaultdict(Fraction)
    if colours[a] != colours[b]:
        return found
    kept = [arc for arc in range(len(arcs)) if arc not in pair]
    (tail, head), ends = arcs[a], arcs[b]
    ways = [ends] if family.directed else [ends, ends[::-1]]
    for other_tail, other_head in ways:
        same = [(tail, other_tail), (head, other_head)]
        for sign, joints in ((1, same), (-1, [*same, (tail, head)])):
            if sign > 0 or not family.arc_types[colours[a]].loops:
                remainder = _remainder(
                    [arcs[k] for k in kept], [colours[k] for k in kept], kinds, _blocks(len(kinds), joints), family
                )
                if remainder is not None:
                    found[remainder] += Fraction(sign, len(ways))
    return found


def _blocks(nodes: int, joints: Sequence[tuple[int, int]]) -> list[int]:
    """For each node the least of those that it is joined to."""
    block = list(range(nodes))
    for first, second in joints:
        low, high = sorted((block[first], block[second]))
        block = [low if b == high else b for b in block]
    return block


def _remainder(
    arcs: Sequence[tuple[int, int]],
    colours: Sequence[int],
    kinds: Sequence[int],
    block: Sequence[int],
    family: GraphFamily,
) -> Remainder | None:
    """The arcs after joining, and the free nodes; None if there is an entry of a zero diagonal."""
    merged = [(block[tail], block[head]) for tail, head in arcs]
    if any(t == h and not family.arc_types[c].loops for (t, h), c in zip(merged, colours, strict=True)):
        return None
    touched = sorted({node for arc in merged for node in arc})
    free = Counter(kinds[node] for node in set(block).difference(touched))
    powers = tuple(free[kind] for kind in family.node_kinds)
    if not merged:
        return None, powers
    place = {node: position for position, node in enumerate(touched)}
    numbered = [(place[tail], place[head]) for tail, head in merged]
    return Multigraph(numbered, colours, [kinds[node] for node in touched], family.directed), powers
