"""Expectation values of many graphs at once, as numbers: one matrix that acts on the monomials of the parameters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..graphs.families import GraphFamily, checked_family
from ..graphs.given import GivenGraph, checked_graphs
from ..graphs.multigraph import Multigraph
from .symbolic import checked_sizes, rounded_number
from .wick import Monomial, propagator, wick_expectation

# Models at a time, so that their monomials stay in cache.
_CHUNK = 1024
_GRADIENT_CHUNK = 32  # each with a derivative for every parameter


@dataclass(frozen=True, eq=False)
class ExpectationMap:
    """Expectation values of given graphs at a given size, for any number of models at once.

    Args:
        coefficients: (len(graphs), len(monomials)) float64.
        monomials: numbers of the parameters that are multiplied, in increasing order; with each monomial those of its
            first factors are there too.
        number_of_parameters: 13 for square matrices.

    >>> compiled = expectation_map((Multigraph([(0, 0)]), Multigraph([(0, 1)])), 5)
    >>> compiled([2.0, 1.0] + [0.0] * 11)  # mu_1 + sqrt(N - 1) mu_2, N mu_1
    array([ 4., 10.])
    """

    coefficients: NDArray[np.float64]
    monomials: tuple[Monomial, ...]
    number_of_parameters: int

    def __call__(self, parameters: ArrayLike) -> NDArray[np.float64]:
        """Evaluate the expectation values.

        Args:
            parameters: (..., number_of_parameters).

        Returns:
            (..., len(graphs)) float64.
        """
        theta = self._checked(parameters)
        models = theta.reshape(-1, self.number_of_parameters)
        results = np.empty((len(models), len(self.coefficients)))
        for start in range(0, len(models), _CHUNK):
            values = self._monomials_of(models[start : start + _CHUNK])
            np.matmul(values.T, self.coefficients.T, out=results[start : start + _CHUNK])
        return results.reshape(*theta.shape[:-1], len(self.coefficients))

    def average(self, parameters: ArrayLike) -> NDArray[np.float64]:
        """Averages of the expectation values over several models: the monomials are averaged first.

        Args:
            parameters: (models, number_of_parameters).

        Returns:
            (len(graphs),).

        Raises:
            ValueError: if the last axis is of another length.

        >>> compiled = expectation_map((Multigraph([(0, 0)]),), 5)
        >>> compiled.average([[1.0] + [0.0] * 12, [3.0] + [0.0] * 12])  # of traces 1 and 3
        array([2.])
        """
        models = self._checked(parameters).reshape(-1, self.number_of_parameters)
        starts = range(0, len(models), _CHUNK)
        total = sum((self._monomials_of(models[s : s + _CHUNK]).sum(axis=1) for s in starts), np.zeros(1))
        result: NDArray[np.float64] = self.coefficients @ (total / len(models))
        return result

    def gradient(self, parameters: ArrayLike) -> NDArray[np.float64]:
        """Differentiate the expectation values by the parameters.

        Args:
            parameters: (number_of_parameters,).

        Returns:
            (len(graphs), number_of_parameters) float64.

        Raises:
            ValueError: the parameters are those of several models.
        """
        theta = self._checked(parameters)
        if theta.ndim != 1:
            raise ValueError(f"parameters must be those of one model for a gradient, got shape {theta.shape}")
        return self.average_gradient(theta[None])

    def average_gradient(self, parameters: ArrayLike) -> NDArray[np.float64]:
        """Derivatives of the averages over several models, by parameters that move in all of them together.

        Args:
            parameters: (models, number_of_parameters).

        Returns:
            (len(graphs), number_of_parameters).

        Raises:
            ValueError: if the last axis is of another length.
        """
        models = self._checked(parameters).reshape(-1, self.number_of_parameters)
        total = np.zeros((len(self.monomials), self.number_of_parameters))
        for start in range(0, len(models), _GRADIENT_CHUNK):
            columns = np.ascontiguousarray(models[start : start + _GRADIENT_CHUNK].T)
            values = self._monomials_of(columns.T)
            derivatives = np.zeros((*total.shape, columns.shape[1]))
            for place, (shorter, last) in enumerate(self._recipe):
                # the product rule, along the same recipe
                if shorter is not None:
                    np.multiply(derivatives[shorter], columns[last], out=derivatives[place])
                derivatives[place, last] += 1.0 if shorter is None else values[shorter]
            total += derivatives.sum(axis=-1)
        return self.coefficients @ (total / len(models))

    def _monomials_of(self, models: NDArray[np.float64]) -> NDArray[np.float64]:
        """(monomials, models): values of the monomials."""
        columns = np.ascontiguousarray(models.T)
        values = np.empty((len(self.monomials), columns.shape[1]))
        for place, (shorter, last) in enumerate(self._recipe):
            if shorter is None:
                values[place] = columns[last]
            else:
                np.multiply(values[shorter], columns[last], out=values[place])
        return values

    @cached_property
    def _recipe(self) -> tuple[tuple[int | None, int], ...]:
        """For each monomial the place of the one without its last factor, and that factor."""
        place = {monomial: p for p, monomial in enumerate(self.monomials)}
        return tuple((place.get(monomial[:-1]), monomial[-1]) for monomial in self.monomials)

    def _checked(self, parameters: ArrayLike) -> NDArray[np.float64]:
        theta = np.asarray(parameters, dtype=np.float64)
        count = self.number_of_parameters
        if theta.ndim == 0 or theta.shape[-1] != count:
            raise ValueError(f"parameters must have {count} numbers in the last axis, got {theta.shape}")
        return theta


def expectation_map(
    graphs: Iterable[GivenGraph], size: int | Sequence[int], family: GraphFamily | None = None
) -> ExpectationMap:
    """Compile the expectation values of graphs at one size.

    The result is remembered, so calling this for every fit is free.

    Args:
        graphs: all of one kind of matrices.
        size: N, or (rows, columns) for rectangular matrices.
        family: the kind of matrices, if the graphs alone do not tell.

    Returns:
        A function from parameters to expectation values.

    Raises:
        ValueError: if the graphs are not of one kind of matrices, or the size is too small.

    Source:
        As `expectation`.

    >>> expectation_map([Multigraph([(0, 0)])], 4).coefficients.round(3)
    array([[1.   , 1.732]])
    """
    chosen = checked_graphs(graphs, family)
    family = checked_family(chosen, family)
    return _compiled(chosen, checked_sizes(size, family), family)


@lru_cache(maxsize=64)
def _compiled(graphs: tuple[Multigraph, ...], sizes: tuple[int, ...], family: GraphFamily) -> ExpectationMap:
    rows = [
        {m: rounded_number(m, value, family, sizes) for m, value in wick_expectation(graph, family, sizes).items()}
        for graph in graphs
    ]
    beginnings = {monomial[:k] for row in rows for monomial in row for k in range(1, len(monomial) + 1)}
    monomials = tuple(sorted(beginnings, key=lambda monomial: (len(monomial), monomial)))
    place = {monomial: p for p, monomial in enumerate(monomials)}
    coefficients = np.zeros((len(graphs), len(monomials)))
    for number, row in enumerate(rows):
        for monomial, value in row.items():
            coefficients[number, place[monomial]] = value
    coefficients.flags.writeable = False  # remembered, hence shared
    return ExpectationMap(coefficients, monomials, len(propagator(family).decomposition.parameters))
