"""Matrices that are simulated from a Gaussian model, and moved after it when couplings change the law.

The first ones are independent. A law that is near is reached by weights. When few weights are left that count, matrices
are drawn again by their weights, and each is moved by proposals cos(phi) M + sin(phi) Xi, Xi of the Gaussian. These
leave the Gaussian as it is, so whether one is taken depends on the couplings only (the preconditioned Crank-Nicolson
proposal in a sequential Monte Carlo sampler), and no gradient is needed. Far away, where the couplings of a law that
is not normalisable would win, it is the Gaussian that proposes: the law near the data is what is sampled.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import pi

import numpy as np
from numpy.typing import NDArray

from ....invariants.graphs.multigraph import Multigraph
from ...model.gaussian import BlockGaussian
from .residual_values import ResidualValues

Array = NDArray[np.float64]

# Proposals to each matrix after they are drawn again, of all angles.
_MOVES = 10
# Matrices that are drawn or moved together, so that they stay in cache.
_CHUNK = 4096


@dataclass(frozen=True, eq=False)
class Population:
    """Simulated matrices of p_0(M) exp(exponent . features(M)).

    Args:
        model: p_0, of mean zero.
        graphs: whose residuals are followed.
        units: (graphs,), of the residuals.
        matrices: (count, rows, columns).
        values: of these.
        selected: columns of the graphs in the exponent.
        exponent: (parameters + selected,); zero for the first population.
    """

    model: BlockGaussian
    graphs: tuple[Multigraph, ...]
    units: Array
    matrices: Array
    values: ResidualValues
    selected: tuple[int, ...]
    exponent: Array

    @classmethod
    def gaussian(
        cls,
        model: BlockGaussian,
        graphs: tuple[Multigraph, ...],
        units: Array | None,
        count: int,
        rng: np.random.Generator,
    ) -> Population:
        """Draw from the model. All means of values are zero in the law; here they are taken off.

        Args:
            model: of mean zero.
            graphs: of its kind of matrices.
            units: (graphs,); None for the standard deviations of the residuals that are drawn.
            count: of matrices.
            rng: the source of chance.

        Returns:
            The population.
        """
        matrices = np.concatenate([model.sample(min(_CHUNK, count - s), rng) for s in range(0, count, _CHUNK)])
        values = ResidualValues.of(model, matrices, graphs, units)
        if units is None:
            units = values.residuals.std(axis=0)
            np.divide(values.residuals, units, out=values.residuals)
        for columns in (values.influence, values.residuals):
            columns -= columns.mean(axis=0)
        return cls(model, graphs, units, matrices, values, (), np.zeros(values.influence.shape[1]))

    def moved(self, selected: tuple[int, ...], exponent: Array, rng: np.random.Generator) -> Population:
        """Move the matrices to another law that has weights here.

        Args:
            selected: columns of the graphs in the exponent, those of this population first.
            exponent: (parameters + selected,).
            rng: the source of chance.

        Returns:
            The population of that law.
        """
        count = len(self.matrices)
        upper = np.cumsum(self.weights(selected, exponent))
        # systematic resampling: each matrix as often as its weight says, up to one
        chosen = np.searchsorted(upper / upper[-1], (np.arange(count) + rng.random()) / count)
        matrices = self.matrices[np.minimum(chosen, count - 1)]
        for start in range(0, count, _CHUNK):
            own = matrices[start : start + _CHUNK]  # a view
            logarithms = self._logarithms(own, selected, exponent)
            for angle in rng.uniform(0, pi / 2, size=_MOVES):
                proposed = np.cos(angle) * own + np.sin(angle) * self.model.sample(len(own), rng)
                after = self._logarithms(proposed, selected, exponent)
                taken = np.log1p(-rng.random(len(own))) <= after - logarithms
                own[taken], logarithms[taken] = proposed[taken], after[taken]
        values = ResidualValues.of(self.model, matrices, self.graphs, self.units)
        return replace(self, matrices=matrices, values=values, selected=selected, exponent=exponent)

    def weights(self, selected: tuple[int, ...], exponent: Array) -> Array:
        """The weights by which this population stands for another law.

        Args:
            selected: columns of the graphs in its exponent, those of this population first.
            exponent: (parameters + selected,).

        Returns:
            (count,), of sum 1.
        """
        difference = exponent.copy()
        difference[: len(self.exponent)] -= self.exponent
        logarithms = self.values.features(selected) @ difference
        weights: Array = np.exp(logarithms - logarithms.max())
        weights /= weights.sum()
        return weights

    def _logarithms(self, matrices: Array, selected: tuple[int, ...], exponent: Array) -> Array:
        """(count,): exponents of matrices, from the residuals of the selected graphs alone."""
        graphs = tuple(self.graphs[column] for column in selected)
        values = ResidualValues.of(self.model, matrices, graphs, self.units[list(selected)])
        result: Array = values.features(tuple(range(len(selected)))) @ exponent
        return result
