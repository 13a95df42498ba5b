"""The law of a Gaussian model with some couplings, by weights on simulated matrices.

At a step of a selection the null hypothesis is that the couplings selected so far are all there are. Its law is
p_0(M) exp(theta . psi(M) + eta . t(M)): t are the statistics of the Gaussian parameters, which are fitted again. The
exponent is estimated by maximum likelihood, that is, so that the means of t and of the selected psi are those of the
data. Then the residuals of the other invariants, their covariances given what has been fitted, and ensembles for a
bootstrap follow by the same weights. (C. J. Geyer and E. A. Thompson, J. R. Statist. Soc. B 54 (1992) 657.)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .population import Population
from .residual_values import ResidualValues

Array = NDArray[np.float64]

_NEWTON_STEPS = 60
_SHORTEST_STEP = 1e-6
_CONVERGED = 1e-10  # the decrease of the logarithm that a step promises
# Share of effective matrices below which they are moved, and below which the way to a law is halved first.
_ENOUGH, _TOO_FEW = 0.5, 0.05
_MOST_MOVES = 6


@dataclass(frozen=True, eq=False)
class ReferenceLaw:
    """A Gaussian law with some couplings.

    Args:
        population: simulated matrices of a law that is near.
        selected: columns of the graphs that have a coupling.
        exponent: (parameters + selected,) coefficients of the statistics and of the selected residuals.
    """

    population: Population
    selected: tuple[int, ...]
    exponent: Array

    def with_coupling(self, column: int, target: Array, rng: np.random.Generator) -> ReferenceLaw | None:
        """The maximum-likelihood law with one coupling more, all of them fitted together.

        Args:
            column: of the graph.
            target: (graphs,) residuals of the data.
            rng: the source of chance, for matrices that are moved.

        Returns:
            The law; None if it is not reached.
        """
        law = ReferenceLaw(self.population, (*self.selected, column), np.append(self.exponent, 0.0))
        goal = target[list(law.selected)]
        for _ in range(_MOST_MOVES):
            wanted, found = goal, law._fitted(goal)
            while found.effective_share < _TOO_FEW:
                wanted = (wanted + law.means[list(law.selected)]) / 2
                if np.allclose(wanted, law.means[list(law.selected)], rtol=1e-3, atol=1e-6):
                    return None
                found = law._fitted(wanted)
            if found.effective_share >= _ENOUGH and wanted is goal:
                return found
            moved = self.population if found is law else found.population.moved(found.selected, found.exponent, rng)
            law = ReferenceLaw(moved, found.selected, found.exponent)
        return None

    def _fitted(self, target: Array) -> ReferenceLaw:
        """Maximum likelihood with these couplings on this population.

        The exponent minimises the logarithm of the mean weight less its value on the data, which is convex: Newton's
        method with halved steps. If no law fits, few of the weights that come out are not nearly zero.
        """
        features = self._features
        wanted = np.append(np.zeros(features.shape[1] - len(self.selected)), target)
        exponent, law = self.exponent, self
        value = self._dual(exponent, wanted)
        for _ in range(_NEWTON_STEPS):
            slope = law.weights @ features - wanted
            step = _solved(law._covariance, slope)
            decrement, length = float(slope @ step), 1.0
            if decrement < _CONVERGED:
                break
            while (new := self._dual(exponent - length * step, wanted)) > value - length * decrement / 4:
                length /= 2
                if length < _SHORTEST_STEP:
                    return law
            exponent, value = exponent - length * step, new
            law = ReferenceLaw(self.population, self.selected, exponent)
        return law

    def _dual(self, exponent: Array, wanted: Array) -> float:
        difference = exponent - self._base
        logarithms = self._features @ difference
        largest = logarithms.max()
        return float(largest + np.log(np.exp(logarithms - largest).mean()) - difference @ wanted)

    @property
    def _base(self) -> Array:
        """The exponent of the population, with a zero for each coupling that it has not."""
        own = self.population.exponent
        return np.append(own, np.zeros(len(self.exponent) - len(own)))

    @property
    def couplings(self) -> Array:
        """(selected,), of residuals in their units."""
        return self.exponent[self.population.values.influence.shape[1] :]

    @cached_property
    def weights(self) -> Array:
        """(matrices,), of sum 1."""
        return self.population.weights(self.selected, self.exponent)

    @property
    def effective_count(self) -> float:
        """How many matrices of equal weight would be as good."""
        return 1 / float(self.weights @ self.weights)

    @property
    def effective_share(self) -> float:
        """This, as a part of all simulated matrices."""
        return self.effective_count / len(self.weights)

    @property
    def simulation_variance(self) -> float:
        """The variance that the simulation adds to the mean of a residual of variance 1.

        The first population, whose means are known, has none by itself.
        """
        known = 0 if self.population.selected else 1 / len(self.weights)
        return 1 / self.effective_count - known

    @cached_property
    def means(self) -> Array:
        """(graphs,): expectation values of the residuals."""
        return self.weights @ self.population.values.residuals

    @cached_property
    def projected(self) -> Array:
        """(matrices, graphs): residuals in which the fit of this law is allowed for, of mean zero."""
        residuals = self.population.values.residuals
        slopes = _solved(self._covariance, self._weighted.T @ residuals)
        left: Array = residuals - self.means
        left -= (self._features - self.weights @ self._features) @ slopes
        return left

    @cached_property
    def variances(self) -> Array:
        """(graphs,): of the projected residuals; zero for the graphs that have a coupling."""
        variances: Array = np.einsum("m,mg,mg->g", self.weights, self.projected, self.projected)
        return variances

    def covariances_with(self, column: int) -> Array:
        """Covariances of projected residuals.

        Args:
            column: of a graph.

        Returns:
            (graphs,), with this one.
        """
        covariances: Array = (self.weights * self.projected[:, column]) @ self.projected
        return covariances

    def coupling_covariance(self, measured: ResidualValues) -> Array:
        """Covariance of the fitted couplings, times the number of matrices: the sandwich.

        Args:
            measured: of the data, which need not follow this law.

        Returns:
            (selected, selected).

        Source:
            H. White, Econometrica 50 (1982) 1.
        """
        data = np.cov(measured.features(self.selected), rowvar=False)
        inverse = np.linalg.pinv(self._covariance, hermitian=True)
        first = measured.influence.shape[1]
        sandwich: Array = inverse @ data @ inverse
        return sandwich[first:, first:]

    def replicated_means(self, count: int, replicates: int, rng: np.random.Generator) -> Array:
        """Means of the projected residuals over ensembles that are drawn from this law.

        Args:
            count: matrices of an ensemble.
            replicates: how many ensembles.
            rng: the source of chance.

        Returns:
            (replicates, graphs).
        """
        upper = np.cumsum(self.weights)
        chosen = np.searchsorted(upper / upper[-1], rng.random((replicates, count)))
        starts = np.arange(0, chosen.size + 1, count)
        shape = (replicates, len(self.weights))
        counts = csr_array((np.full(chosen.size, 1 / count), chosen.ravel(), starts), shape=shape)
        means: Array = counts @ self.projected
        return means

    @cached_property
    def _features(self) -> Array:
        return self.population.values.features(self.selected)

    @cached_property
    def _weighted(self) -> Array:
        return (self._features - self.weights @ self._features) * self.weights[:, None]

    @cached_property
    def _covariance(self) -> Array:
        return self._weighted.T @ self._features


def _solved(covariance: Array, right: Array) -> Array:
    """By least squares: with few effective matrices a covariance may be singular."""
    return np.asarray(np.linalg.lstsq(covariance, right, rcond=None)[0], dtype=np.float64)
