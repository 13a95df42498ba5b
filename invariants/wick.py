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

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from .decomposition import Decomposition, rectangular, square
from .families import GraphFamily
from .tensors import FIELD, Coefficient, Partition, normal_partition

Arcs = tuple[tuple[int, int], ...]
Monomial = tuple[int, ...]  # increasing numbers of elements, or of parameters, with repetition


@dataclass(frozen=True)
class Propagator:
    """Mean and two-point function of the Gaussian model in the diagram basis.

    An `element` is a set partition that occurs in the mean or, up to exchange, in the two-point function. Its
    coefficient is a linear form in the parameters: form[k] / (denominator sqrt(norm_k)), with form[k] and denominators
    polynomials in the sizes with integer coefficients.

    Args:
        decomposition: the kind of matrices.

    >>> propagator = Propagator(square())
    >>> len(propagator.means), len(propagator.pairs), len(propagator.forms)
    (2, 15, 13)
    """

    decomposition: Decomposition

    @cached_property
    def means(self) -> dict[Partition, int]:
        """Element number of each set partition of (row, column)."""
        parameters = self.decomposition.parameters
        partitions = sorted({p for k in parameters if k.y is None for p in k.tensor.terms})
        return {partition: number for number, partition in enumerate(partitions)}

    @cached_property
    def pairs(self) -> dict[Partition, int]:
        """Element number of each set partition of (row, column, row', column'), shared under exchange."""
        parameters = self.decomposition.parameters
        partitions = sorted({p for k in parameters if k.y is not None for p in k.tensor.terms})
        numbers: dict[Partition, int] = {}
        for p in partitions:
            exchanged = normal_partition((p[2], p[3], p[0], p[1]))
            numbers.setdefault(min(p, exchanged), len(self.means) + len(numbers))
        return {p: numbers[min(p, normal_partition((p[2], p[3], p[0], p[1])))] for p in partitions}

    @cached_property
    def denominators(self) -> tuple[Coefficient, Coefficient]:
        """Common denominators of the forms of means and of pairs."""
        ring = FIELD.one.numer.ring
        found = []
        for is_mean in (True, False):
            common = ring.one
            for k in self.decomposition.parameters:
                if (k.y is None) == is_mean:
                    for value in k.tensor.terms.values():
                        common = common.lcm(value.denom)
            found.append(common)
        return found[0], found[1]

    @cached_property
    def forms(self) -> tuple[dict[int, Coefficient], ...]:
        """For each element its linear form: parameter number -> polynomial in the sizes."""
        forms: list[dict[int, Coefficient]] = [{} for _ in {*self.means.values(), *self.pairs.values()}]
        for number, k in enumerate(self.decomposition.parameters):
            elements = self.means if k.y is None else self.pairs
            denominator = self.denominators[k.y is not None]
            for partition, value in k.tensor.terms.items():
                forms[elements[partition]][number] = value.numer * denominator.exquo(value.denom)
        return tuple(forms)


@lru_cache(maxsize=8)
def propagator(family: GraphFamily) -> Propagator:
    """The propagator of the Gaussian model for the matrices of a family of graphs.

    >>> propagator(square().family).decomposition is square()
    True
    """
    for decomposition in (square(), rectangular()):
        if decomposition.family == family:
            return Propagator(decomposition)
    raise ValueError(f"family must be that of square or of rectangular matrices, got {family}")


def wick_expectation(arcs: Arcs, family: GraphFamily, sizes: tuple[int, ...]) -> dict[Monomial, int]:
    """Expectation value of a graph at integer sizes, as integer coefficients of monomials in the parameters.

    The true coefficient of a monomial has the factor prod_k 1 / (denominator_k sqrt(norm_k)) over its parameters k.

    Args:
        arcs: those of the graph.
        family: the kind of matrices.
        sizes: an integer for each node kind, of any length.

    >>> wick_expectation(((0, 1),), square().family, (4,))  # <sum_ij M_ij> = N mu_1: N^2 over the norm's root, N
    {(0,): 64}
    """
    of_parameters: dict[Monomial, int] = {}
    for elements, count in _contractions(normal_arcs(arcs), family, sizes).items():
        for monomial, value in _substituted(elements, family, sizes).items():
            of_parameters[monomial] = of_parameters.get(monomial, 0) + count * value
    return {monomial: value for monomial, value in sorted(of_parameters.items()) if value}


def normal_arcs(arcs: Arcs) -> Arcs:
    """Renumber nodes by first appearance, so that graphs met in different ways are often remembered as one."""
    labels = iter(normal_partition([node for arc in arcs for node in arc]))
    return tuple(zip(labels, labels, strict=True))


@lru_cache(maxsize=1 << 17)
def _contractions(arcs: Arcs, family: GraphFamily, sizes: tuple[int, ...]) -> Mapping[Monomial, int]:
    """Sum over all Wick contractions: monomials in the elements -> product of sizes of the nodes summed away."""
    if not arcs:
        return {(): 1}
    elements = propagator(family)
    total: dict[Monomial, int] = {}
    for partition, element in elements.means.items():
        _add(total, element, *_merged(arcs, (0,), partition, family, sizes), family, sizes)
    for partner in range(1, len(arcs)):
        for partition, element in elements.pairs.items():
            _add(total, element, *_merged(arcs, (0, partner), partition, family, sizes), family, sizes)
    return total


def _add(
    total: dict[Monomial, int], element: int, factor: int, rest: Arcs, family: GraphFamily, sizes: tuple[int, ...]
) -> None:
    for monomial, count in _contractions(rest, family, sizes).items():
        key = tuple(sorted((element, *monomial)))
        total[key] = total.get(key, 0) + factor * count


def _merged(
    arcs: Arcs, taken: tuple[int, ...], partition: Partition, family: GraphFamily, sizes: tuple[int, ...]
) -> tuple[int, Arcs]:
    """Contract the taken arcs with a partition of their legs: (factor of the nodes summed away, what is left)."""
    legs = [node for a in taken for node in arcs[a]]
    joined = {node: node for node in legs}
    for leg, block in enumerate(partition):
        old, new = joined[legs[leg]], joined[legs[partition.index(block)]]
        if old != new:
            joined = {node: new if name == old else name for node, name in joined.items()}
    rest = tuple(
        (joined.get(tail, tail), joined.get(head, head)) for a, (tail, head) in enumerate(arcs) if a not in taken
    )
    left = {node for arc in rest for node in arc}
    factor = 1
    arc_type = family.arc_types[0]
    done = set()
    for leg, node in enumerate(legs):
        name = joined[node]
        if name not in left and name not in done:
            done.add(name)
            factor *= sizes[arc_type.head if leg % 2 else arc_type.tail]
    return factor, normal_arcs(rest)


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
    """Value of a polynomial in the sizes at integers; sizes of node kinds that do not occur are left out."""
    padded = (*sizes, *[1] * (polynomial.ring.ngens - len(sizes)))
    return int(polynomial.evaluate(list(zip(polynomial.ring.gens, padded, strict=True))))
