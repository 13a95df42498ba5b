"""The Gaussian factor of a density: coefficients of the linear and quadratic graphs <-> parameters of the model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...invariants.expectation.compiled import expectation_map
from ...invariants.expectation.maps import statistics_graphs
from ...invariants.representation.spaces import MatrixSpace, irrep_dimensions
from ..model.blocks import blocks_from_parameters, least_correlation, parameters_from_blocks, trivial_parameters
from ..model.gaussian import BlockGaussian
from ..model.pigmm import gaussian_class

Array = NDArray[np.float64]

# The least eigenvalue of a precision, its diagonal one, that counts as positive.
_LEAST_EIGENVALUE = 1e-14


def natural_parameters(model: BlockGaussian) -> Array:
    """The coefficients of the linear and quadratic graphs in the logarithm of a Gaussian density.

    Args:
        model: of all components, none given.

    Returns:
        (statistics graphs,).

    Source:
        arXiv:1809.07559, section 2, for square matrices.

    >>> from pigmm.fitting import PIGMM
    >>> float(abs(natural_parameters(PIGMM.iid(4, variance=2.0))).round(12).max())  # -sum M_ij^2 / 4
    0.25
    """
    linear, quadratic = _maps(model.space)
    precisions = [_inverse(covariance) for covariance in model.covariances]
    of_means = precisions[0] @ model.means
    wanted = parameters_from_blocks(of_means, precisions)[len(of_means) :]
    return np.concatenate([np.linalg.solve(linear.T, of_means), np.linalg.solve(quadratic.T, wanted)])


def gaussian_blocks(space: MatrixSpace, natural: Array) -> tuple[Array, tuple[Array, ...]]:
    """The linear coefficient of the trivial components, and the precision of each irrep, of a Gaussian factor.

    Args:
        space: the matrices.
        natural: (statistics graphs,), coefficients in the logarithm of the density.

    Returns:
        (copies of the trivial irrep,), and for each irrep (copies, copies); these may be other than positive definite.

    >>> from pigmm.fitting import PIGMM, SquareSpace
    >>> gaussian_blocks(SquareSpace(4), natural_parameters(PIGMM.iid(4, variance=2.0)))[1][2].round(12)
    array([[0.5]])
    """
    linear, quadratic = _maps(space)
    means = trivial_parameters(space)[0].stop
    vector = np.concatenate([natural[:means] @ linear, natural[means:] @ quadratic])
    return blocks_from_parameters(space, vector)


def gaussian_factor(space: MatrixSpace, natural: Array) -> BlockGaussian:
    """The Gaussian model whose density is the Gaussian factor.

    Args:
        space: the matrices.
        natural: (statistics graphs,), coefficients in the logarithm of the density.

    Returns:
        A `PIGMM` for square matrices, else a `BlockGaussian`.

    Raises:
        ValueError: if the factor grows in some direction, so that it is no density by itself; names the irreps.

    >>> from pigmm.fitting import PIGMM
    >>> model = PIGMM.iid(4, variance=2.0, mean=1.0)
    >>> bool(np.allclose(gaussian_factor(model.space, natural_parameters(model)).parameters, model.parameters))
    True
    """
    of_means, precisions = gaussian_blocks(space, natural)
    irreps = space.decomposition.irreps
    if bad := growing_irreps(space, natural):
        raise ValueError(
            f"the Gaussian factor must be a density by itself to be a model, got one that grows in {', '.join(bad)}"
        )
    covariances = [_inverse(precision) for precision in precisions]
    means = covariances[[irrep.is_trivial for irrep in irreps].index(True)] @ of_means
    return gaussian_class(space).from_space(space, parameters_from_blocks(means, covariances))


def growing_irreps(space: MatrixSpace, natural: Array) -> tuple[str, ...]:
    """Name the irreps in which a Gaussian factor does not decay.

    Args:
        space: the matrices.
        natural: (statistics graphs,).

    Returns:
        Names such as "V_H".

    >>> from pigmm.fitting import PIGMM, SquareSpace
    >>> growing_irreps(SquareSpace(4), -natural_parameters(PIGMM.iid(4, variance=2.0)))
    ('V_0', 'V_H', 'V_2', 'V_3')
    """
    pairs = zip(space.decomposition.irreps, gaussian_blocks(space, natural)[1], strict=True)
    return tuple(f"V_{irrep.name}" for irrep, block in pairs if least_correlation(block) <= _LEAST_EIGENVALUE)


def _inverse(block: Array) -> Array:
    return np.asarray(np.linalg.inv(block), dtype=np.float64)


def _maps(space: MatrixSpace) -> tuple[Array, Array]:
    """How graphs are made of components: (linear graphs, means) and (quadratic graphs, upper triangles of precisions).

    A quadratic graph is a sum of q_xy c_x c_y over labels, so its expectation value at means zero is the sum over
    x <= y of d q_xy G_xy, twice where x < y; and -Lambda_xy / 2 = sum_g theta_g q_xy.
    """
    family = space.decomposition.family
    compiled = expectation_map(statistics_graphs(family), space.sizes, family)
    values = compiled(np.eye(compiled.number_of_parameters)).T
    means = trivial_parameters(space)[0].stop
    diagonal = parameters_from_blocks(
        np.zeros(means), [np.eye(len(irrep.copies)) for irrep in space.decomposition.irreps]
    )
    dimensions = parameters_from_blocks(
        np.zeros(means),
        [
            np.full((len(irrep.copies), len(irrep.copies)), float(d))
            for irrep, d in zip(space.decomposition.irreps, irrep_dimensions(space), strict=True)
        ],
    )
    weights = -(1 + diagonal[means:]) / dimensions[means:]
    return values[:means, :means], values[means:, means:] * weights
