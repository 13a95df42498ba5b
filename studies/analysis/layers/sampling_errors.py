"""Exact standard errors at initialisation, for Gaussian and uniform entries, of invariants and of fitted parameters.

For independent symmetric entries w_a of variance E2 and fourth cumulant k4 a quadratic form sum_ab Q_ab w_a w_b
(Q symmetric) has variance 2 E2^2 tr Q^2 + k4 sum_a Q_aa^2: the first term is that of Gaussian entries, and Q_aa is the
form's value on the unit matrix of entry a. Invariance leaves one unit matrix for each orbit of entries.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ....fitting import MatrixSpace, SquareSpace
from ....fitting.model.blocks import parameters_from_blocks
from ....invariants import Multigraph, evaluate, expectation_map
from ....invariants.representation.spaces import irrep_dimensions
from .initial_law import InitialLaw

Array = NDArray[np.float64]


def invariant_variances(law: InitialLaw, space: MatrixSpace, graphs: Sequence[Multigraph]) -> Array:
    """Compute the variances of linear and quadratic invariants of one matrix at initialisation.

    Args:
        law: of the entries.
        space: of the matrices.
        graphs: of degree 1 and 2.

    Returns:
        (graphs,), variances.

    Raises:
        ValueError: a graph is of degree above 2.

    Source:
        Derivation 7.

    >>> trace, total = Multigraph([(0, 0)]), Multigraph([(0, 1)])
    >>> invariant_variances(InitialLaw.of("gaussian", 5), SquareSpace(5), [trace, total]).round(12)  # d E2, d^2 E2
    array([1., 5.])
    """
    graphs = tuple(graphs)
    if any(graph.degree > 2 for graph in graphs):
        raise ValueError(f"graphs must be of degree 1 or 2, got {[graph.label for graph in graphs]}")
    parameters = law.model(space).parameters
    squares = tuple(Multigraph.disjoint_union([graph, graph]) for graph in graphs)
    mean = expectation_map(graphs, space.sizes)(parameters)
    gaussian = expectation_map(squares, space.sizes)(parameters) - mean**2
    counts, units = unit_orbits(space)
    on_units = evaluate(units, graphs)
    quadratic = np.array([graph.degree == 2 for graph in graphs])
    variances: Array = gaussian + quadratic * law.fourth_cumulant * (counts @ on_units**2)
    return variances


def variances_of_uncorrelated_terms(law: InitialLaw, space: MatrixSpace, graphs: Sequence[Multigraph]) -> Array:
    """The same as the published code of arXiv:2510.05218 has it, as if the terms of a sum were uncorrelated.

    A squared entry has variance E4 - E2^2, a product of two entries E2^2. But a product can stand in a sum more than
    once, as M_ij M_ji does in the sum over i and j: of seven quadratic invariants the exact variance is larger.

    >>> law, space, exchange = InitialLaw.of("gaussian", 10), SquareSpace(10), [Multigraph([(0, 1), (1, 0)])]
    >>> published = variances_of_uncorrelated_terms(law, space, exchange)
    >>> (published / invariant_variances(law, space, exchange)).round(3)
    array([0.55])
    """
    e2, e4 = law.second_moment, law.fourth_moment
    counts, units = unit_orbits(space)
    terms = evaluate(np.ones(space.shape), graphs)
    squares = counts @ evaluate(units, graphs)  # on a unit matrix only terms with no other entry are not zero
    linear = np.array([graph.degree == 1 for graph in graphs])
    variances: Array = np.where(linear, terms * e2, squares * (e4 - e2**2) + (terms - squares) * e2**2)
    return variances


def parameter_law(law: InitialLaw, space: MatrixSpace, count: int) -> tuple[Array, Array]:
    """Compute the exact means and standard errors of the parameters fitted to `count` matrices at initialisation.

    The trivial irrep's covariance is centred on the fitted mean, which makes it small by the factor 1 - 1/count.

    Args:
        law: of the entries.
        space: of the matrices.
        count: number of matrices, at least 2.

    Returns:
        Two arrays in the order of the parameter vector.

    Source:
        Derivation 7.

    >>> means, errors = parameter_law(InitialLaw.of("gaussian", 10), SquareSpace(10), 1000)
    >>> errors[[0, 11]].round(6)  # sqrt(s2 / n), s2 sqrt(4 / (n d (d - 3)))
    array([0.01    , 0.000756])
    """
    return _parameter_law(law, space, count)  # type: ignore[arg-type]  # every space is a frozen value


@lru_cache(maxsize=64)  # the same at every epoch
def _parameter_law(law: InitialLaw, space: MatrixSpace, count: int) -> tuple[Array, Array]:
    s2, k4 = law.second_moment, law.fourth_cumulant
    counts, units = unit_orbits(space)
    means, errors = [], []
    parts = zip(space.project(units), space.decomposition.irreps, irrep_dimensions(space), strict=True)
    for part, irrep, dimension in parts:
        copies = len(irrep.copies)
        # tr P^2 of the form for copies x, y: its dimension if x = y, half of it otherwise
        gaussian = s2**2 * dimension * (1 + np.eye(copies))
        diagonal = np.einsum("uxa,uya->uxy", part, part)
        other = k4 * np.einsum("u,uxy->xy", counts, diagonal**2)
        if irrep.is_trivial:
            shrink = 1 - 1 / count
            variance = (shrink * gaussian + shrink**2 * other) / count
        else:
            shrink = 1.0
            variance = (gaussian + other) / (count * dimension**2)
        means.append(shrink * s2 * np.eye(copies))
        errors.append(np.sqrt(variance))
    trivial = len(space.decomposition.irreps[0].copies)
    zero, spread = np.zeros(trivial), np.full(trivial, np.sqrt(s2 / count))
    found = parameters_from_blocks(zero, means), parameters_from_blocks(spread, errors)
    for values in found:
        values.flags.writeable = False  # shared by all who ask
    return found


def unit_orbits(space: MatrixSpace) -> tuple[Array, Array]:
    """One unit matrix for each orbit of entries under the permutations: (sizes of the orbits, the matrices).

    >>> unit_orbits(SquareSpace(4))[0]  # diagonal and off-diagonal entries
    array([ 4., 12.])
    """
    rows, columns = space.shape
    if isinstance(space, SquareSpace):
        units = np.zeros((2, rows, columns))
        units[0, 0, 0] = units[1, 0, 1] = 1
        return np.array([rows, rows * (rows - 1)], dtype=np.float64), units
    units = np.zeros((1, rows, columns))
    units[0, 0, 0] = 1
    return np.array([rows * columns], dtype=np.float64), units
