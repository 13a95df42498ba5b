"""Count multigraphs without listing them: Burnside's lemma on the arcs among enough nodes."""

from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import product
from math import factorial, gcd, lcm, prod

from ..checks import checked_integer
from .enumeration import checked_degrees, checked_limits
from .families import SQUARE, ArcType, GraphFamily

CycleType = tuple[int, ...]  # lengths of the cycles of a permutation, decreasing


def count_multigraphs(
    degree: int | Sequence[int],
    family: GraphFamily = SQUARE,
    *,
    nodes: int | None = None,
    max_nodes: int | Sequence[int] | None = None,
    connected: bool = False,
) -> int:
    """Count the multigraphs of a degree by Burnside's lemma, without enumerating them.

    The graphs with d arcs, no isolated node and at most n nodes are the orbits of the permutations of n nodes on the
    multisets of d arcs. The number of multisets that a permutation fixes is a coefficient of the series prod_cycles
    1/(1 - x^length).

    Args:
        degree: number of arcs; or one number for each matrix of the family.
        family: the kind of matrices (default: one square matrix; OEIS A052171).
        nodes: count only graphs with exactly so many nodes (families with one kind of nodes).
        max_nodes: count only graphs with at most so many nodes of each kind (one number, or one for each kind): the
            number of independent invariants at this finite size.
        connected: count only connected graphs (a single total degree, no restriction on nodes).

    Returns:
        The number of graphs, each isomorphism class once.

    Raises:
        ValueError: if the degree is below 1 or the restrictions do not go together.

    Source:
        OEIS A052171 for one square matrix.

    >>> [count_multigraphs(degree) for degree in range(1, 9)]
    [2, 11, 52, 296, 1724, 11060, 74527, 533046]
    >>> [count_multigraphs(4, nodes=n) for n in range(1, 9)]
    [1, 18, 71, 108, 71, 22, 4, 1]
    """
    degrees = checked_degrees(degree, family)
    limits = checked_limits(max_nodes, family)
    total = sum(degrees)
    if connected:
        if len(degrees) > 1 or nodes is not None or limits is not None:
            raise ValueError(
                "connected=True requires one total degree, and neither nodes nor max_nodes, got "
                f"degree={degree}, nodes={nodes}, max_nodes={max_nodes}"
            )
        return _connected_count(total, family)
    # d arcs touch at most d nodes of a kind with each of their ends, so no more are needed
    enough = tuple(total * max(_ends(arc, kind) for arc in family.arc_types) for kind in family.node_kinds)
    by_matrix = degrees if len(degrees) > 1 else None
    if nodes is not None:
        checked_integer("nodes", nodes, least=1)
        if len(enough) > 1 or limits is not None:
            raise ValueError(
                f"nodes requires a family with one kind of nodes, and no max_nodes, got {len(enough)} kinds and "
                f"max_nodes={max_nodes}"
            )
        return _orbits(total, by_matrix, family, (nodes,)) - _orbits(total, by_matrix, family, (nodes - 1,))
    most = enough if limits is None else tuple(min(pair) for pair in zip(limits, enough, strict=True))
    return _orbits(total, by_matrix, family, most)


def _ends(arc: ArcType, kind: int) -> int:
    return (arc.tail == kind) + (arc.head == kind)


@lru_cache(maxsize=1024)
def _orbits(total: int, by_matrix: tuple[int, ...] | None, family: GraphFamily, nodes: tuple[int, ...]) -> int:
    """Orbits on multisets of arcs among so many nodes of each kind."""
    if min(nodes) < 1:
        return 0
    result = Fraction(0)
    for cycle_types in product(*(list(_partitions(n, n)) for n in nodes)):
        of_kind = dict(zip(family.node_kinds, cycle_types, strict=True))
        series = [_series(_arc_cycles(arc, family.directed, of_kind), total) for arc in family.arc_types]
        fixed = (
            _product(series, total)[total]
            if by_matrix is None
            else prod(s[d] for s, d in zip(series, by_matrix, strict=True))
        )
        result += Fraction(fixed, prod(_centraliser(c) for c in cycle_types))
    assert result.denominator == 1
    return int(result)


def _partitions(n: int, largest: int) -> Iterator[CycleType]:
    if n == 0:
        yield ()
    for first in range(min(n, largest), 0, -1):
        for rest in _partitions(n - first, first):
            yield (first, *rest)


def _centraliser(cycles: CycleType) -> int:
    return prod(length**times * factorial(times) for length, times in Counter(cycles).items())


def _arc_cycles(arc: ArcType, directed: bool, of_kind: dict[int, CycleType]) -> Counter[int]:
    """Cycle lengths of the permutation that the nodes' permutation induces on the possible arcs."""
    lengths: Counter[int] = Counter()
    if directed:
        for a, b in product(of_kind[arc.tail], of_kind[arc.head]):
            lengths[lcm(a, b)] += gcd(a, b)
    else:
        cycles = of_kind[arc.tail]
        for place, a in enumerate(cycles):
            for b in cycles[:place]:
                lengths[lcm(a, b)] += gcd(a, b)
            # pairs {v, v + k} inside one cycle of length a: k = 1 ... (a-1)/2, and a half orbit for k = a/2
            lengths[a] += (a - 1) // 2
            if a % 2 == 0:
                lengths[a // 2] += 1
            lengths[a] += 1  # loops
    if not arc.loops:
        for a in of_kind[arc.tail]:
            lengths[a] -= 1
    return lengths


def _series(cycles: Counter[int], order: int) -> list[int]:
    """Coefficients of prod_cycles 1/(1 - x^length) up to x^order."""
    series = [1] + [0] * order
    for length, times in cycles.items():
        if length <= order:
            for _ in range(times):
                for power in range(length, order + 1):
                    series[power] += series[power - length]
    return series


def _product(factors: Sequence[list[int]], order: int) -> list[int]:
    result = [1] + [0] * order
    for factor in factors:
        result = [sum(result[i] * factor[k - i] for i in range(k + 1)) for k in range(order + 1)]
    return result


def _connected_count(degree: int, family: GraphFamily) -> int:
    """Invert the Euler transform: the graphs are the multisets of connected ones."""
    totals = [1] + [count_multigraphs(d, family) for d in range(1, degree + 1)]
    connected = [0] * (degree + 1)
    weighted = [0] * (degree + 1)  # weighted[k] = sum over d dividing k of d * connected[d]
    for d in range(1, degree + 1):
        weighted[d] = d * totals[d] - sum(weighted[k] * totals[d - k] for k in range(1, d))
        connected[d] = (weighted[d] - sum(e * connected[e] for e in range(1, d) if d % e == 0)) // d
    return connected[degree]
