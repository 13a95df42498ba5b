"""Statistics of score matching in constant memory: means and products of the invariants that K and b are made of.

Everything that a fit needs is linear in these invariants: K, b, the score K_i theta + b_i of each matrix, and its part
of the objective. Their means give the estimate, their second moments its standard errors, and both merge.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ....invariants.centred_sums import CentredSums
from ....invariants.checks import check_finite
from ....invariants.evaluation.evaluate import evaluate
from ....invariants.expectation.maps import statistics_graphs
from ....invariants.graphs.given import GivenGraph, checked_graphs
from ....invariants.graphs.multigraph import Multigraph
from ....invariants.representation.spaces import MatrixSpace, space_of
from ...model.sufficient_statistics import SufficientStatistics, checked_batch
from .independence import check_independent
from .terms import ScoreTerms, score_terms

Array = NDArray[np.float64]

# Values of invariants, or entries, held at a time.
_CHUNK_VALUES = 1 << 22


@dataclass(frozen=True, eq=False)
class ScoreStatistics:
    """What score matching needs of matrices: the moments of the invariants in K and b, and the Gaussian statistics.

    Matrices are divided by a power of two near the root mean square of their entries, which costs no digit, so that
    invariants of all degrees are of one order.

    Args:
        space: the matrices.
        couplings: the graphs beyond the Gaussian ones, of degree 3 or more.
        exponent: of the power of two that the matrices were divided by.
        sums: count, means and centred products of the values of `terms.invariants`.
        gaussian: of the matrices as they are.

    >>> matrices = np.random.default_rng(0).normal(size=(500, 4, 4))
    >>> statistics = ScoreStatistics.of(matrices, ["sum M_ij^4"])
    >>> statistics.count, len(statistics.graphs), len(statistics.terms.invariants)
    (500, 14, 31)
    """

    space: MatrixSpace
    couplings: tuple[Multigraph, ...]
    exponent: int
    sums: CentredSums
    gaussian: SufficientStatistics

    @classmethod
    def of(
        cls,
        matrices: ArrayLike,
        couplings: Iterable[GivenGraph],
        space: MatrixSpace | None = None,
        exponent: int | None = None,
    ) -> ScoreStatistics:
        """The statistics of matrices (n, *space.shape).

        Args:
            matrices: finite, n at least 1.
            couplings: graphs of degree 3 or more, independent at this size.
            space: the permutations assumed (default: `space_of` the shape).
            exponent: of the power of two to divide by (default: that of the root mean square of these entries).

        Returns:
            The statistics.

        Raises:
            ValueError: the matrices are not those of the space, or an entry is not finite; a graph is of degree below
                3 or of another kind of matrices; the graphs are dependent (says which).
        """
        batch = checked_batch(matrices, space)
        space = space_of(batch.shape[1:]) if space is None else space
        chosen = checked_couplings(couplings, space)
        gaussian = SufficientStatistics.of(batch, space)
        if exponent is None:
            exponent = exponent_of(batch)
        terms = _terms(space, chosen)
        step = max(1, _CHUNK_VALUES // (len(terms.invariants) + prod(space.shape)))
        sums = CentredSums.empty(len(terms.invariants), products=True)
        for start in range(0, len(batch), step):
            values = score_values(batch[start : start + step], space, terms, exponent)
            sums += CentredSums.of(values, products=True)
        return cls(space, chosen, exponent, sums, gaussian)

    @classmethod
    def of_chunks(
        cls, chunks: Iterable[ArrayLike], couplings: Iterable[GivenGraph], space: MatrixSpace | None = None
    ) -> ScoreStatistics:
        """The statistics of matrices in chunks, one in memory at a time; empty ones are skipped.

        Args:
            chunks: (n_k, *space.shape) each.
            couplings: as in `of`.
            space: the permutations assumed (default: `space_of` the shape).

        Returns:
            The statistics.

        Raises:
            ValueError: as `of`, naming the chunk; if there is no matrix at all.

        >>> chunks = np.random.default_rng(0).normal(size=(3, 100, 4, 4))
        >>> ScoreStatistics.of_chunks(chunks, ["sum M_ij^4"]).count
        300
        """
        couplings = tuple(couplings)
        total: ScoreStatistics | None = None
        for number, chunk in enumerate(chunks):
            if np.shape(chunk)[:1] == (0,):
                continue
            try:
                own = cls.of(chunk, couplings, total.space if total else space, total.exponent if total else None)
            except ValueError as error:
                raise ValueError(f"chunk {number} (after {total.count if total else 0} matrices): {error}") from None
            total = own if total is None else total.merge(own)
        if total is None:
            raise ValueError("chunks must hold at least 1 matrix, got none")
        return total

    @property
    def count(self) -> int:
        """The number of matrices."""
        return self.sums.count

    @property
    def terms(self) -> ScoreTerms:
        """K and b of all graphs as maps of the invariants."""
        return _terms(self.space, self.couplings)

    @property
    def graphs(self) -> tuple[Multigraph, ...]:
        """The linear and quadratic graphs, then the couplings."""
        return self.terms.graphs

    def merge(self, other: ScoreStatistics) -> ScoreStatistics:
        """The statistics of both sets of matrices together.

        Args:
            other: of the same space and couplings.

        Returns:
            The statistics of both.

        Raises:
            ValueError: if they are of different spaces or couplings.

        >>> matrices = np.random.default_rng(0).normal(size=(500, 4, 4))
        >>> first, second = (ScoreStatistics.of(part, ["sum M_ij^4"]) for part in np.split(matrices, [200]))
        >>> first.merge(second).count
        500
        """
        if (self.space, self.couplings) != (other.space, other.couplings):
            raise ValueError(
                f"statistics must be of the same space and couplings, got {self.space} and {other.space}, "
                f"{[graph.label for graph in self.couplings]} and {[graph.label for graph in other.couplings]}"
            )
        sums = self.sums + other.at_exponent(self.exponent)
        return ScoreStatistics(self.space, self.couplings, self.exponent, sums, self.gaussian.merge(other.gaussian))

    @classmethod
    def merged(cls, statistics: Iterable[ScoreStatistics]) -> ScoreStatistics:
        """Several merged in their order.

        Args:
            statistics: of one space and the same couplings.

        Returns:
            The statistics of all.

        Raises:
            ValueError: if there are none, or they are of different spaces or couplings.

        >>> matrices = np.random.default_rng(0).normal(size=(500, 4, 4))
        >>> ScoreStatistics.merged([ScoreStatistics.of(matrices, ["sum M_ij^4"])] * 3).count
        1500
        """
        total: ScoreStatistics | None = None
        for own in statistics:
            total = own if total is None else total.merge(own)
        if total is None:
            raise ValueError("statistics must be one or more, got none")
        return total

    def at_exponent(self, exponent: int) -> CentredSums:
        """The sums, as if the matrices had been divided by another power of two.

        Args:
            exponent: of the power.

        Returns:
            Count, means and products.
        """
        degrees = np.array([graph.degree for graph in self.terms.invariants], dtype=int)
        factors = np.ldexp(1.0, (self.exponent - exponent) * degrees)
        return CentredSums(
            self.sums.count, self.sums.mean * factors, self.sums.squares * np.multiply.outer(factors, factors)
        )


def checked_couplings(couplings: Iterable[GivenGraph], space: MatrixSpace) -> tuple[Multigraph, ...]:
    """Return couplings as graphs of the matrices of a space, each of degree 3 or more and independent of the others.

    Args:
        couplings: Multigraphs, labels or names; may be none.
        space: the matrices.

    Returns:
        The graphs, in the order given.

    Raises:
        ValueError: a graph is of degree below 3 or of another kind of matrices; the graphs are dependent (says which).

    >>> checked_couplings(["tr M^2"], space_of((4, 4)))
    Traceback (most recent call last):
        ...
    ValueError: graphs must be of degree 3 or more, as the Gaussian has those below, got '01 10'
    """
    family = space.decomposition.family
    listed = list(couplings) if isinstance(couplings, Iterable) and not isinstance(couplings, str) else couplings
    if listed == []:
        return ()
    chosen = checked_graphs(listed, family)
    for graph in chosen:
        if graph.degree < 3:
            raise ValueError(
                f"graphs must be of degree 3 or more, as the Gaussian has those below, got {graph.label!r}"
            )
    check_independent(chosen, space.sizes, family)
    return chosen


def exponent_of(matrices: ArrayLike) -> int:
    """Return the exponent of the power of two nearest to the root mean square of the entries.

    Args:
        matrices: any shape.

    Returns:
        The exponent; 0 of zeros.

    >>> exponent_of([[3.0, -5.0]])
    2
    """
    entries = np.abs(np.asarray(matrices, dtype=np.float64))
    largest = float(entries.max(initial=0.0))
    if largest == 0:
        return 0
    return round(float(np.log2(largest) + 0.5 * np.log2(np.square(entries / largest).mean())))


def score_values(matrices: NDArray[np.floating], space: MatrixSpace, terms: ScoreTerms, exponent: int) -> Array:
    """Values of the invariants that K and b are made of, of matrices divided by a power of two.

    Args:
        matrices: (n, *space.shape), any real dtype.
        space: the matrices.
        terms: K and b.
        exponent: of the power.

    Returns:
        (n, len(terms.invariants)).

    Raises:
        ValueError: an invariant exceeds the range of float64.
    """
    scaled = np.ldexp(matrices.astype(np.float64), -exponent)
    values: Array = evaluate(scaled, terms.invariants, family=space.decomposition.family)
    check_finite(values)
    return values


def _terms(space: MatrixSpace, couplings: tuple[Multigraph, ...]) -> ScoreTerms:
    """K and b of the Gaussian graphs and the couplings."""
    family = space.decomposition.family
    return score_terms((*statistics_graphs(family), *couplings), space.sizes, family)
