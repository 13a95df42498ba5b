"""The label of a permutation invariant: a directed multigraph, held in canonical form."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from math import factorial, prod
from string import ascii_lowercase
from typing import TYPE_CHECKING

import networkx

from .canonical import Adjacency, canonical_order
from .formulas import Factor, Formula, in_latex, in_text
from .names import name_of

if TYPE_CHECKING:
    Graph = networkx.Graph[int]

# Names of indices, by node kind: rows and columns of a rectangular matrix are told apart by their letters. Indices of
# further kinds carry the number of the kind.
_INDEX_LETTERS = ("ijklmnopqrstuvwxyz", "abcdefgh")


@dataclass(frozen=True, init=False, order=True)
class Multigraph:
    """A directed multigraph without isolated nodes, up to isomorphism.

    A node is a summed index, an arc (i, j) a factor M_ij (tail = row index, head = column index):
    the graph with arcs (0, 1), (1, 2) is the invariant sum_ijk M_ij M_jk. All indices are summed over
    independently (arXiv:1809.07559, section 2). Two graphs are equal, and hash equal, exactly if they are isomorphic.

    The other kinds of matrices need three more properties, all with defaults for one square matrix: the kind of each
    node (which symmetric group moves it), the colour of each arc (which matrix), and whether arcs have a direction.

    Args:
        arcs: pairs (tail, head) of node numbers; the nodes are 0 ... n-1, each touched by an arc.
        colours: for each arc the number of its matrix (default: all 0).
        kinds: for each node the symmetric group that moves it (default: all 0).
        directed: whether (i, j) differs from (j, i); False for symmetric matrices.

    Raises:
        ValueError: if there is no arc, or the nodes are not numbered 0 ... n-1 without gaps.

    >>> Multigraph([(0, 1), (1, 2)]) == Multigraph([(2, 0), (1, 2)])
    True
    >>> Multigraph([(0, 1), (1, 2)]).formula
    'sum_ijk M_ij M_jk'
    """

    arcs: tuple[tuple[int, int], ...]
    colours: tuple[int, ...]
    kinds: tuple[int, ...]
    directed: bool
    _hash: int = field(repr=False, compare=False)

    def __init__(
        self,
        arcs: Iterable[Sequence[int]],
        colours: Sequence[int] | None = None,
        kinds: Sequence[int] | None = None,
        directed: bool = True,
    ) -> None:
        pairs = _checked_arcs(arcs)
        n = 1 + max(max(pair) for pair in pairs)
        colours = _checked_labels("colours", colours, len(pairs), "arc")
        kinds = _checked_labels("kinds", kinds, n, "node")
        components = sorted(
            _canonical_component(arc_part, colour_part, kind_part, directed)
            for arc_part, colour_part, kind_part in _split(pairs, colours, kinds)
        )
        self._set(*_joined(components), directed)

    def _set(
        self, arcs: tuple[tuple[int, int], ...], colours: tuple[int, ...], kinds: tuple[int, ...], directed: bool
    ) -> None:
        for name, value in (("arcs", arcs), ("colours", colours), ("kinds", kinds), ("directed", directed)):
            object.__setattr__(self, name, value)
        # tuples of thousands of graphs are looked up by their hash
        object.__setattr__(self, "_hash", hash((arcs, colours, kinds, directed)))

    def __hash__(self) -> int:
        return self._hash

    @classmethod
    def disjoint_union(cls, graphs: Sequence[Multigraph]) -> Multigraph:
        """Return the graph of a product of invariants: O_G O_H = O_(G disjoint union H).

        Args:
            graphs: one or more, all directed or all undirected.

        Returns:
            The graph of the product.

        Raises:
            ValueError: there are none, or directed and undirected ones.

        >>> loop = Multigraph([(0, 0)])
        >>> Multigraph.disjoint_union([loop, loop]).arcs
        ((0, 0), (1, 1))
        """
        if not graphs or len({graph.directed for graph in graphs}) > 1:
            raise ValueError(f"graphs must be one or more, all directed or all undirected, got {list(graphs)}")
        # The parts are canonical already, so no search is needed: this is what makes enumeration fast.
        parts = [(g.kinds, g.arcs, g.colours) for graph in graphs for g in graph.components]
        union = cls.__new__(cls)
        union._set(*_joined(sorted(parts)), graphs[0].directed)
        return union

    @property
    def degree(self) -> int:
        """Number of arcs: the degree of the invariant in the matrix entries."""
        return len(self.arcs)

    @property
    def number_of_nodes(self) -> int:
        """Number of summed indices."""
        return len(self.kinds)

    @property
    def is_connected(self) -> bool:
        """Whether the invariant is not a product of invariants of lower degree."""
        return len(self.components) == 1

    @cached_property
    def components(self) -> tuple[Multigraph, ...]:
        """The connected components, in canonical order; the invariant is the product of theirs.

        Returns:
            One graph for each component.

        >>> [part.formula for part in Multigraph([(0, 0), (1, 2)]).components]
        ['sum_i M_ii', 'sum_ij M_ij']
        """
        parts = []
        for arcs, colours, kinds in _split(self.arcs, self.colours, self.kinds):
            part = Multigraph.__new__(Multigraph)
            part._set(arcs, colours, kinds, self.directed)
            parts.append(part)
        return tuple(parts)

    @cached_property
    def automorphisms(self) -> int:
        """Count the renamings of the nodes that leave the arcs (with their number and colour) as they are.

        Returns:
            The order of the automorphism group.

        >>> Multigraph([(0, 1), (1, 2), (2, 0)]).automorphisms
        3
        """
        times = Counter(self.components)
        return prod(_automorphisms(part) ** count * factorial(count) for part, count in times.items())

    @property
    def label(self) -> str:
        """The arcs as text, short enough for a table: '01 12' ('0-10 10-11' from ten nodes on, 'A01 B12' of matrices).

        >>> Multigraph([(0, 1), (1, 2)]).label
        '01 12'
        """
        joint = "" if self.number_of_nodes <= 10 else "-"
        letters = [chr(ord("A") + colour) if any(self.colours) else "" for colour in self.colours]
        return " ".join(f"{m}{tail}{joint}{head}" for m, (tail, head) in zip(letters, self.arcs, strict=True))

    @property
    def formula(self) -> str:
        """The invariant in plain text, such as 'sum_ij M_ii M_ij^2'."""
        return in_text(self._formula())

    @property
    def latex(self) -> str:
        r"""The invariant in LaTeX.

        >>> print(Multigraph([(0, 1), (0, 1)]).latex)
        \sum_{i,j} M_{ij}^{2}
        """
        return in_latex(self._formula())

    @cached_property
    def name(self) -> str | None:
        """The name of the invariant: of a product of traces, sums of powers, and sums of products.

        Returns:
            The name, such as 'tr M^4'; None if there is none.

        >>> Multigraph([(0, 1), (1, 2), (2, 3), (3, 0)]).name, Multigraph([(0, 1), (0, 1), (0, 1)]).name
        ('tr M^4', 'sum M_ij^3')
        """
        return name_of(self)

    def _repr_svg_(self) -> str:
        """The drawing that a notebook shows."""
        from .markup import graph_svg  # not needed but in notebooks

        return graph_svg(self, standalone=True)

    def _repr_latex_(self) -> str:
        """The formula that a notebook shows where it draws no pictures."""
        return f"${self.latex}$"

    def _index_names(self) -> list[str]:
        used: Counter[int] = Counter()
        names = []
        for kind in self.kinds:
            place = used[kind]
            if kind < len(_INDEX_LETTERS):
                letters = _INDEX_LETTERS[kind]
                names.append(letters[place] if place < len(letters) else f"{letters[0]}{place}")
            else:
                names.append(ascii_lowercase[place % 26] + str(kind) + "'" * (place // 26))
            used[kind] += 1
        return names

    def _formula(self) -> Formula:
        names = self._index_names()
        powers = Counter(zip(self.colours, self.arcs, strict=True))
        several = max(self.colours) > 0
        factors = (
            Factor(chr(ord("A") + colour) if several else "M", names[tail] + names[head], power)
            for (colour, (tail, head)), power in powers.items()
        )
        return Formula(tuple(names), tuple(factors))

    def to_networkx(self) -> Graph:
        """Return a networkx multigraph with the node attribute `kind` and the arc attribute `colour`.

        Returns:
            A MultiDiGraph, or a MultiGraph of an undirected graph.

        >>> Multigraph([(0, 1), (0, 1)]).to_networkx()
        <networkx.classes.multidigraph.MultiDiGraph object at ...>
        """
        graph: Graph = networkx.MultiDiGraph() if self.directed else networkx.MultiGraph()
        for node, kind in enumerate(self.kinds):
            graph.add_node(node, kind=kind)
        for (tail, head), colour in zip(self.arcs, self.colours, strict=True):
            graph.add_edge(tail, head, colour=colour)
        return graph

    def __repr__(self) -> str:
        extra = f", colours={list(self.colours)}" if any(self.colours) else ""
        extra += f", kinds={list(self.kinds)}" if any(self.kinds) else ""
        extra += "" if self.directed else ", directed=False"
        return f"Multigraph({list(self.arcs)}{extra})"


# A component in canonical form: (kinds, arcs, colours), in the order by which components are sorted.
_Part = tuple[tuple[int, ...], tuple[tuple[int, int], ...], tuple[int, ...]]


def _checked_arcs(arcs: Iterable[Sequence[int]]) -> tuple[tuple[int, int], ...]:
    try:
        given = list(arcs)
    except TypeError:
        raise ValueError(f"arcs must be pairs (tail, head) of node numbers, got {arcs!r}") from None
    pairs = []
    for arc in given:
        try:
            tail, head = (operator.index(node) for node in arc)
        except (TypeError, ValueError):
            raise ValueError(f"arcs must be pairs (tail, head) of node numbers, got {arc!r}") from None
        pairs.append((tail, head))
    if not pairs:
        raise ValueError("arcs must hold at least one pair (tail, head), got none")
    nodes = {node for pair in pairs for node in pair}
    if nodes != set(range(len(nodes))):
        raise ValueError(f"arcs must use the node numbers 0 ... n-1 without gaps, got nodes {sorted(nodes)}")
    return tuple(pairs)


def _checked_labels(name: str, labels: Sequence[int] | None, count: int, of_what: str) -> tuple[int, ...]:
    if labels is None:
        return (0,) * count
    try:
        values = tuple(operator.index(label) for label in labels)
    except TypeError:
        values = ()
    if len(values) != count or min(values) < 0:
        raise ValueError(f"{name} must be {count} non-negative integers, one for each {of_what}, got {labels!r}")
    return values


def _split(
    arcs: Sequence[tuple[int, int]], colours: Sequence[int], kinds: Sequence[int]
) -> list[tuple[tuple[tuple[int, int], ...], tuple[int, ...], tuple[int, ...]]]:
    """Connected components as (arcs, colours, kinds), each renumbered from 0 in the order of its node numbers."""
    root = list(range(len(kinds)))
    for tail, head in arcs:
        low, high = sorted((root[tail], root[head]))
        root = [low if r == high else r for r in root]
    if not any(root):
        return [(tuple(arcs), tuple(colours), tuple(kinds))]
    place: list[int] = []
    seen: Counter[int] = Counter()
    for r in root:
        place.append(seen[r])
        seen[r] += 1
    parts = []
    for r in sorted(seen):
        chosen = [a for a, arc in enumerate(arcs) if root[arc[0]] == r]
        parts.append(
            (
                tuple((place[arcs[a][0]], place[arcs[a][1]]) for a in chosen),
                tuple(colours[a] for a in chosen),
                tuple(kind for node, kind in enumerate(kinds) if root[node] == r),
            )
        )
    return parts


def _automorphisms(graph: Multigraph) -> int:
    """Order of the group by its chain of stabilisers: fix node after node, and count where the next can still go."""
    n = graph.number_of_nodes
    adjacency = _adjacency(graph.arcs, graph.colours, n, graph.directed)

    def fits(images: tuple[int, ...], w: int) -> bool:
        v = len(images)
        return (
            w not in images
            and graph.kinds[w] == graph.kinds[v]
            and adjacency[w][w] == adjacency[v][v]
            and all(adjacency[w][x] == adjacency[v][u] for u, x in enumerate(images))
            and all(adjacency[x][w] == adjacency[u][v] for u, x in enumerate(images))
        )

    def extends(images: tuple[int, ...]) -> bool:
        return len(images) == n or any(fits(images, w) and extends((*images, w)) for w in range(n))

    fixed = [tuple(range(v)) for v in range(n)]
    return prod(sum(fits(nodes, w) and extends((*nodes, w)) for w in range(n)) for nodes in fixed)


def _adjacency(arcs: Sequence[tuple[int, int]], colours: Sequence[int], nodes: int, directed: bool) -> list[list[int]]:
    """Entry [v][w] codes the arcs from v to w: the number of those of colour c is its digit c in base (arcs + 1)."""
    adjacency = [[0] * nodes for _ in range(nodes)]
    base = len(arcs) + 1
    for (tail, head), colour in zip(arcs, colours, strict=True):
        adjacency[tail][head] += base**colour
        if not directed and tail != head:
            adjacency[head][tail] += base**colour
    return adjacency


@lru_cache(maxsize=1 << 16)
def _canonical_component(
    arcs: tuple[tuple[int, int], ...], colours: tuple[int, ...], kinds: tuple[int, ...], directed: bool
) -> _Part:
    adjacency = _adjacency(arcs, colours, len(kinds), directed)
    order = _reading_order(adjacency, canonical_order(adjacency, kinds))
    place = {node: position for position, node in enumerate(order)}
    relabelled = []
    for (tail, head), colour in zip(arcs, colours, strict=True):
        arc = (place[tail], place[head])
        relabelled.append((arc if directed else (min(arc), max(arc)), colour))
    relabelled.sort()
    return (
        tuple(kinds[node] for node in order),
        tuple(arc for arc, _ in relabelled),
        tuple(colour for _, colour in relabelled),
    )


def _reading_order(adjacency: Adjacency, canonical: Sequence[int]) -> list[int]:
    """Renumber along the arcs, from a node that few arcs enter, so that a path reads M_ij M_jk M_kl.

    It depends on the canonical order alone, so the result is canonical as well.
    """
    order = [min(canonical, key=lambda v: sum(adjacency[w][v] > 0 for w in canonical if w != v))]
    for node in order:
        heads = [w for w in canonical if adjacency[node][w] and w not in order]
        tails = [w for w in canonical if adjacency[w][node] and w not in order and w not in heads]
        order += heads + tails
    return order


def _joined(parts: Sequence[_Part]) -> tuple[tuple[tuple[int, int], ...], tuple[int, ...], tuple[int, ...]]:
    arcs: list[tuple[int, int]] = []
    colours: list[int] = []
    kinds: list[int] = []
    for part_kinds, part_arcs, part_colours in parts:
        shift = len(kinds)
        arcs += [(tail + shift, head + shift) for tail, head in part_arcs]
        colours += part_colours
        kinds += part_kinds
    return tuple(arcs), tuple(colours), tuple(kinds)
