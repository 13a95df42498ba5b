"""Residuals of invariants about a fitted Gaussian model, matrix by matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....invariants.evaluation.on_arrays import evaluate_arrays
from ....invariants.graphs.multigraph import Multigraph
from ...model.gaussian import BlockGaussian
from ...model.sampling_law import standard_errors

Array = NDArray[np.float64]

_CHUNK = 4096
# So many matrices that the laws of their fits are those of large numbers.
_MANY = 1_000_000


@dataclass(frozen=True, eq=False)
class ResidualValues:
    """What each matrix adds to the fit, and its residuals psi_G, which are uncorrelated with that under the model.

    Args:
        influence: (matrices, parameters), in standard deviations under the model.
        residuals: (matrices, graphs), in the units asked for.
    """

    influence: Array
    residuals: Array

    @classmethod
    def of(
        cls, model: BlockGaussian, matrices: Array, graphs: tuple[Multigraph, ...], units: Array | None = None
    ) -> ResidualValues:
        """The values of matrices.

        Args:
            model: of mean zero.
            matrices: (n, rows, columns).
            graphs: of the model's kind of matrices.
            units: (graphs,), to divide the residuals by; None for 1.

        Returns:
            The values.
        """
        influence, residuals = np.empty((len(matrices), len(model.parameters))), np.empty((len(matrices), len(graphs)))
        expected, gradient = model.expectation(graphs), model.expectation_gradient(graphs)
        for start in range(0, len(matrices), _CHUNK):
            here = slice(start, start + _CHUNK)
            evaluate_arrays(matrices[here], graphs, family=model.space.decomposition.family, out=residuals[here])
            influence[here] = model.influence_of_components(model.space.project(matrices[here]))
            residuals[here] -= expected + influence[here] @ gradient.T
        influence /= standard_errors(model, _MANY) * np.sqrt(_MANY)
        if units is not None:
            residuals /= units
        return cls(influence, residuals)

    def features(self, selected: tuple[int, ...]) -> Array:
        """What the exponent of a law is linear in.

        Args:
            selected: columns of the graphs that have a coupling.

        Returns:
            (matrices, parameters + selected): influences, and residuals of the selected.
        """
        return np.hstack([self.influence, self.residuals[:, list(selected)]])
