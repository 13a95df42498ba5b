"""Exact covariances of refitted residuals under a Gaussian model.

The fit takes off from an invariant O_G what is linear and quadratic in the matrix. Of a graph of degree 3 or 4 about
the mean what is left, psi_G, is its Wick product :O_G:. With the covariance operator Gamma of the model, the matrix is
X = Gamma^1/2 Y, Y white, so
    Cov(psi_G, psi_H) = (A B A^T)_GH,   A = exp(a(log Gamma) / 2),
where a(L) substitutes arcs and B holds the covariances of white noise. Graphs of different degrees are uncorrelated.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm

from ....invariants.graphs.enumeration import multigraphs
from ....invariants.graphs.families import RECTANGULAR, SQUARE, SYMMETRIC
from ....invariants.graphs.multigraph import Multigraph
from ....invariants.graphs.partitions import Partition
from ....invariants.representation.tensors import evaluate_coefficient
from ...model.blocks import parameters_from_blocks
from ...model.gaussian import BlockGaussian
from .arc_substitution import substitution_matrix
from .pairings import white_covariances

Array = NDArray[np.float64]

_FAMILIES = (SQUARE, RECTANGULAR, SYMMETRIC)


def has_exact_covariances(graphs: tuple[Multigraph, ...], model: BlockGaussian) -> bool:
    """Tell whether `wick_covariances` knows the covariances of graphs: degree 3 and 4, of one matrix.

    Args:
        graphs: of the model's kind of matrices.
        model: whose matrices are square, rectangular, or symmetric with a diagonal.

    Returns:
        Whether it does.
    """
    return model.space.decomposition.family in _FAMILIES and {graph.degree for graph in graphs} <= {3, 4}


def wick_covariances(model: BlockGaussian, graphs: tuple[Multigraph, ...]) -> Array:
    """Covariances of the residuals psi_G of one matrix, in which the fit of the model is allowed for.

    Args:
        model: the law; invariants are those of the matrix less the mean of the model.
        graphs: of degree 3 and 4, of one square, rectangular or symmetric matrix.

    Returns:
        (graphs, graphs).

    Source:
        S. Janson, Gaussian Hilbert Spaces (1997), chapter 3, for Wick products.

    >>> from pigmm.fitting import PIGMM
    >>> cubes = Multigraph([(0, 1), (0, 1), (0, 1)])  # sum M_ij^3, of which 3 M_ij is taken off
    >>> wick_covariances(PIGMM.iid(4, variance=1.0), (cubes,)).round(9)  # 16 entries, of variance 3!
    array([[96.]])
    """
    family = model.space.decomposition.family
    sizes = model.space.sizes
    coefficients = _logarithm(model)
    degrees = np.array([graph.degree for graph in graphs])
    result = np.zeros((len(graphs), len(graphs)))
    for degree in sorted(set(degrees.tolist())):
        all_graphs = multigraphs(degree, family)
        white = white_covariances(all_graphs, family, sizes)
        unit = np.sqrt(np.diag(white))  # all graphs of one size, so that powers of N cost no digits
        exponent = substitution_matrix(degree, family, sizes, coefficients) / 2
        root = expm(exponent * unit / unit[:, None])
        all_covariances = root @ (white / np.outer(unit, unit)) @ root.T * np.outer(unit, unit)
        place = {graph: number for number, graph in enumerate(all_graphs)}
        chosen = np.flatnonzero(degrees == degree)
        rows = [place[graphs[number]] for number in chosen]
        result[np.ix_(chosen, chosen)] = all_covariances[np.ix_(rows, rows)]
    return result


def _logarithm(model: BlockGaussian) -> dict[Partition, float]:
    """The coefficients of log Gamma, of each set partition of (row, column, row', column')."""
    blocks = []
    for block in model.covariances:
        values, vectors = np.linalg.eigh(block)
        blocks.append((vectors * np.log(values)) @ vectors.T)
    logarithms = parameters_from_blocks(np.zeros_like(model.means), blocks)
    result: dict[Partition, float] = {}
    sizes = model.space.sizes
    for value, parameter in zip(logarithms, model.space.decomposition.parameters, strict=True):
        if parameter.y is None:
            continue
        norm = float(evaluate_coefficient(parameter.norm, sizes)) ** 0.5
        for partition, coefficient in parameter.tensor.terms.items():
            added = float(value) * float(evaluate_coefficient(coefficient, sizes)) / norm
            result[partition] = result.get(partition, 0.0) + added
    return result
