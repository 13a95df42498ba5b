"""Expectation values by Wick's theorem, as integers: a graph and integer sizes -> coefficients of parameter monomials.

The mean of M_ij is a combination of 2 set partitions of {i, j}, the covariance of M_ij and M_kl one of the 15 set
partitions of {i, j, k, l} (11 up to exchange of the two entries). Contracting an arc of a graph with the mean, or two
arcs with a partition, merges nodes; a node that is left without arcs is summed away and gives a factor N. What is left
is a smaller graph, and there are few of those, so the recursion below, which remembers them, takes about fifty steps a
graph.

Sizes are plain integers. That serves numbers and symbols alike: a polynomial with integer coefficients can be read off
its value at one large enough power of two (Kronecker substitution), which `expectations.py` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import prod

from ..graphs.families import GraphFamily
from ..graphs.multigraph import Multigraph
from ..graphs.partitions import Partition
from ..representation.decomposition import Decomposition, Parameter
from ..representation.matrix_kinds import decomposition_of
from ..representation.tensors import FIELD, Coefficient, normal_partition, padded_sizes

Arcs = tuple[tuple[int, int, int], ...]  # (tail, head, colour)
Monomial = tuple[int, ...]  # increasing numbers of elements, or of parameters, with repetition
Place = tuple[tuple[int, ...], Partition]  # colours of one or two factors, and a set partition of their legs


@dataclass(frozen=True)
class Propagator:
    """Mean and two-point function of the Gaussian model in the diagram basis.

    An `element` is a set partition that occurs in the mean of a matrix or, up to exchange, in the two-point function
    of two. Its coefficient is a linear form in the parameters: form[k] / (denominator sqrt(norm_k)), with form[k] and
    the denominators polynomials in the sizes with integer coefficients.

    Args:
        decomposition: the kind of matrices.

    >>> from pigmm.invariants.graphs.families import SQUARE
    >>> elements = propagator(SQUARE)
    >>> len(elements.means[(0,)]), len(elements.pairs[0, 0]), len(elements.forms)
    (2, 15, 13)
    """

    decomposition: Decomposition

    @cached_property
    def _terms(self) -> list[tuple[int, Parameter, Place, Coefficient]]:
        """(parameter number, parameter, place, coefficient); a covariance in both orders of its two factors."""
        return [
            (number, parameter, place, value)
            for number, parameter in enumerate(self.decomposition.parameters)
            for partition, value in parameter.tensor.terms.items()
            for place in _orders(parameter.colours, partition)
        ]

    @cached_property
    def _elements(self) -> dict[Place, int]:
        """Element number of each place, means first; places that are exchanged share theirs."""
        numbers: dict[Place, int] = {}
        for place in sorted({min(_orders(*place)) for _, _, place, _ in self._terms}, key=lambda p: (len(p[0]), p)):
            for order in _orders(*place):
                numbers[order] = numbers.get(place, len(set(numbers.values())))
        return numbers

    @cached_property
    def means(self) -> dict[tuple[int, ...], dict[Partition, int]]:
        """The elements of the mean.

        Returns:
            (colour,) -> element number of each set partition of (row, column).
        """
        return self._by_colours(1)

    @cached_property
    def pairs(self) -> dict[tuple[int, ...], dict[Partition, int]]:
        """The elements of the two-point function.

        Returns:
            (colour, colour') -> element number of each set partition of (row, column, row', column').
        """
        return self._by_colours(2)

    def _by_colours(self, factors: int) -> dict[tuple[int, ...], dict[Partition, int]]:
        found: dict[tuple[int, ...], dict[Partition, int]] = {}
        for (colours, partition), number in self._elements.items():
            if len(colours) == factors:
                found.setdefault(colours, {})[partition] = number
        return found

    @cached_property
    def denominators(self) -> tuple[Coefficient, Coefficient]:
        """Common denominators of the linear forms.

        Returns:
            Those of the means and of the pairs.
        """
        common = [FIELD.one.numer.ring.one] * 2
        for _, parameter, _, value in self._terms:
            is_pair = parameter.y is not None
            common[is_pair] = common[is_pair].lcm(value.denom)
        return common[0], common[1]

    @cached_property
    def forms(self) -> tuple[dict[int, Coefficient], ...]:
        """The linear form of each element.

        Returns:
            For each element: parameter number -> polynomial in the sizes.
        """
        forms: list[dict[int, Coefficient]] = [{} for _ in set(self._elements.values())]
        for number, parameter, place, value in self._terms:
            denominator = self.denominators[parameter.y is not None]
            forms[self._elements[place]][number] = value.numer * denominator.exquo(value.denom)
        return tuple(forms)


def _orders(colours: tuple[int, ...], partition: Partition) -> list[Place]:
    """The one or two orders in which the factors of a mean or a two-point function can be named."""
    if len(colours) == 1:
        return [(colours, partition)]
    exchanged = normal_partition(partition[2:] + partition[:2])
    return [(colours, partition), (colours[::-1], exchanged)]


@lru_cache(maxsize=8)
def propagator(family: GraphFamily) -> Propagator:
    """Return the propagator of the Gaussian model for the matrices of a family of graphs.

    Args:
        family: the kind of matrices.

    Returns:
        The propagator.

    Source:
        arXiv:1809.07559, section 3, for square matrices.

    >>> from pigmm.invariants.graphs.families import RECTANGULAR
    >>> len(propagator(RECTANGULAR).forms)
    5
    """
    return Propagator(decomposition_of(family))


def wick_expectation(graph: Multigraph, family: GraphFamily, sizes: tuple[int, ...]) -> dict[Monomial, int]:
    """Compute the expectation value of a graph at integer sizes: integer coefficients of monomials in the parameters.

    The true coefficient of a monomial has the factor prod_k 1 / (denominator_k sqrt(norm_k)) over its parameters k.

    Args:
        graph: of the family.
        family: the kind of matrices.
        sizes: an integer for each node kind, of any length.

    Returns:
        Monomial -> integer.

    Source:
        G. C. Wick, Phys. Rev. 80, 268 (1950).

    >>> from pigmm.invariants.graphs.families import SQUARE
    >>> wick_expectation(Multigraph([(0, 1)]), SQUARE, (4,))  # <sum_ij M_ij> = N mu_1: N^2 over the norm's root, N
    {(0,): 64}
    """
    of_parameters: dict[Monomial, int] = {}
    for elements, count in contractions(graph_arcs(graph), family, sizes).items():
        for monomial, value in _substituted(elements, family, sizes).items():
            of_parameters[monomial] = of_parameters.get(monomial, 0) + count * value
    return {monomial: value for monomial, value in sorted(of_parameters.items()) if value}


def graph_arcs(graph: Multigraph) -> Arcs:
    """Return the arcs of a graph with their colours.

    Args:
        graph: of any kind of matrices.

    Returns:
        The arcs, as `contractions` takes them.

    >>> graph_arcs(Multigraph([(0, 1)]))
    ((0, 1, 0),)
    """
    return tuple((tail, head, colour) for (tail, head), colour in zip(graph.arcs, graph.colours, strict=True))


@lru_cache(maxsize=1 << 17)
def contractions(arcs: Arcs, family: GraphFamily, sizes: tuple[int, ...]) -> Mapping[Monomial, int]:
    """Sum over all Wick contractions.

    Args:
        arcs: from `graph_arcs`.
        family: the kind of matrices.
        sizes: an integer for each node kind.

    Returns:
        Monomial in the elements -> product of the sizes of the nodes that are summed away.

    Source:
        G. C. Wick, Phys. Rev. 80 (1950) 268.

    >>> from pigmm.invariants.graphs.families import SQUARE
    >>> len(contractions(((0, 1, 0),), SQUARE, (4,)))
    2
    """
    if not arcs:
        return {(): 1}
    total: dict[Monomial, int] = {}
    for taken, partition, element in _choices(arcs, propagator(family)):
        factor, rest = _merged(arcs, taken, partition, family, sizes)
        for monomial, count in contractions(rest, family, sizes).items():
            key = tuple(sorted((element, *monomial)))
            total[key] = total.get(key, 0) + factor * count
    return total


def _choices(arcs: Arcs, elements: Propagator) -> Iterator[tuple[tuple[int, ...], Partition, int]]:
    """What the first arc can be contracted with: the mean, or another arc, by any of their set partitions."""
    colour = arcs[0][2]
    for partition, element in elements.means.get((colour,), {}).items():
        yield (0,), partition, element
    for partner in range(1, len(arcs)):
        for partition, element in elements.pairs[colour, arcs[partner][2]].items():
            yield (0, partner), partition, element


def _merged(
    arcs: Arcs, taken: tuple[int, ...], partition: Partition, family: GraphFamily, sizes: tuple[int, ...]
) -> tuple[int, Arcs]:
    """Contract the taken arcs with a partition of their legs: (factor of the nodes summed away, what is left)."""
    legs = [node for a in taken for node in arcs[a][:2]]
    joined = {node: node for node in legs}
    for leg, block in enumerate(partition):
        old, new = joined[legs[leg]], joined[legs[partition.index(block)]]
        if old != new:
            joined = {node: new if name == old else name for node, name in joined.items()}
    left = [(joined.get(t, t), joined.get(h, h), c) for a, (t, h, c) in enumerate(arcs) if a not in taken]
    kinds = [kind for a in taken for kind in _leg_kinds(family, arcs[a][2])]
    alone = dict(zip((joined[node] for node in legs), kinds, strict=True))
    for tail, head, _ in left:
        alone.pop(tail, None)
        alone.pop(head, None)
    # numbered by first appearance, so that graphs met in different ways are remembered as one
    names = iter(normal_partition([node for tail, head, _ in left for node in (tail, head)]))
    rest = tuple((tail, head, c) for tail, head, (_, _, c) in zip(names, names, left, strict=True))
    return prod(sizes[kind] for kind in alone.values()), rest


def _leg_kinds(family: GraphFamily, colour: int) -> tuple[int, int]:
    arc_type = family.arc_types[colour]
    return arc_type.tail, arc_type.head


@lru_cache(maxsize=1 << 15)
def _substituted(elements: Monomial, family: GraphFamily, sizes: tuple[int, ...]) -> Mapping[Monomial, int]:
    """A product of elements as a polynomial in the parameters: multiply out their linear forms."""
    if not elements:
        return {(): 1}
    form = _forms_at(family, sizes)[elements[0]]
    result: dict[Monomial, int] = {}
    for monomial, value in _substituted(elements[1:], family, sizes).items():
        for parameter, coefficient in form.items():
            key = tuple(sorted((parameter, *monomial)))
            result[key] = result.get(key, 0) + coefficient * value
    return result


@lru_cache(maxsize=64)
def _forms_at(family: GraphFamily, sizes: tuple[int, ...]) -> tuple[dict[int, int], ...]:
    return tuple(
        {parameter: polynomial_at(value, sizes) for parameter, value in form.items()}
        for form in propagator(family).forms
    )


def polynomial_at(polynomial: Coefficient, sizes: tuple[int, ...]) -> int:
    """Evaluate a polynomial in the sizes at integers. Sizes of node kinds that do not occur are left out.

    Args:
        polynomial: in the generators of FIELD.
        sizes: an integer for each node kind.

    Returns:
        The value.
    """
    return int(polynomial.evaluate(list(zip(polynomial.ring.gens, padded_sizes(sizes), strict=True))))
