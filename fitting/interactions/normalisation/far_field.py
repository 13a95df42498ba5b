"""Can a density with interactions be normalised: does its logarithm fall in every direction far from zero?

Far out the terms of highest degree decide, a homogeneous form Q(M). If it is negative on the whole unit sphere the
density can be normalised, whatever the other terms are; if it is positive somewhere it cannot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....invariants.evaluation.evaluate import evaluate
from ....invariants.evaluation.gradients import evaluate_gradient
from ....invariants.graphs.multigraph import Multigraph
from ....invariants.representation.spaces import MatrixSpace
from ..gaussian_part import growing_irreps
from .squares import is_sum_of_squares, vanishes_only_at_zero

Array = NDArray[np.float64]

_STEPS = 300
# Random starts of the search; a few of simple shapes come to them.
_RANDOM_STARTS = 30
# Fraction of the largest value seen below which a maximum counts as zero.
_ZERO = 1e-9


@dataclass(frozen=True)
class Normalisability:
    """Whether a density can be normalised, and how this is known.

    Args:
        normalisable: False also where it is not known.
        exact: True if it is proved; False if it rests on a numerical search.
        reason: a clause that says why.
        largest: of the form of highest degree on the unit sphere, where it was searched for.
    """

    normalisable: bool
    exact: bool
    reason: str
    largest: float | None = None


def normalisability(space: MatrixSpace, graphs: Sequence[Multigraph], theta: Array) -> Normalisability:
    """Decide whether exp(sum_g theta_g O_g) can be normalised.

    Exactly, where signs decide: a highest degree that is odd; sums of squares with negative couplings; a Gaussian.
    Otherwise the largest value of the form of highest degree on the unit sphere is searched for by projected gradients
    from many starts. A positive value proves that there is no normalisation; a negative one does not prove that there
    is one.

    Args:
        space: the matrices.
        graphs: the linear and quadratic ones first, in the order of `statistics_graphs`.
        theta: (len(graphs),) coefficients.

    Returns:
        The verdict.

    Source:
        Far out a form of degree k that is at most -c |M|^k exceeds all terms of lower degree.

    >>> from pigmm.invariants import SQUARE, as_graph, statistics_graphs
    >>> from pigmm.invariants.representation.spaces import SquareSpace
    >>> graphs = (*statistics_graphs(SQUARE), as_graph("tr M^3"))
    >>> normalisability(SquareSpace(4), graphs, np.array([0.0] * 13 + [0.1])).reason
    'the highest degree, 3, is odd'
    """
    present = [(graph, t) for graph, t in zip(graphs, theta, strict=True) if t]
    degree = max((graph.degree for graph, _ in present), default=0)
    quadratic = sum(graph.degree <= 2 for graph in graphs)
    growing = growing_irreps(space, theta[:quadratic])
    if degree <= 2:
        reason = f"its Gaussian factor grows in {', '.join(growing)}" if growing else "it is a Gaussian density"
        return Normalisability(not growing, True, reason)
    if degree % 2:
        return Normalisability(False, True, f"the highest degree, {degree}, is odd")
    top = [(graph, t) for graph, t in present if graph.degree == degree]
    definite = {graph.colours[0] for graph, _ in top if vanishes_only_at_zero(graph)}
    if _all_negative_squares(top) and len(definite) == len(space.decomposition.family.arc_types):
        return Normalisability(True, True, f"the terms of degree {degree} are sums of squares with negative couplings")
    if not growing and _all_negative_squares([(graph, t) for graph, t in present if graph.degree > 2]):
        reason = "the couplings are negative, of sums of squares, and the Gaussian factor is a density"
        return Normalisability(True, True, reason)
    return _searched(space, degree, top)


def _all_negative_squares(terms: Sequence[tuple[Multigraph, float]]) -> bool:
    return all(t < 0 and is_sum_of_squares(graph) for graph, t in terms)


def _searched(space: MatrixSpace, degree: int, top: Sequence[tuple[Multigraph, float]]) -> Normalisability:
    largest, scale, starts = largest_on_sphere(space, [graph for graph, _ in top], [t for _, t in top])
    found = f"the largest value of the terms of degree {degree} on the unit sphere"
    if largest > _ZERO * scale:
        return Normalisability(False, True, f"{found} is positive, at least {largest:.3g}", largest)
    if largest > -_ZERO * scale:
        return Normalisability(False, False, f"{found} is zero up to rounding, so that they do not decide", largest)
    reason = f"{found} is {largest:.3g}, by projected gradients from {starts} starts"
    return Normalisability(True, False, reason, largest)


def largest_on_sphere(
    space: MatrixSpace, graphs: Sequence[Multigraph], theta: Sequence[float], seed: int = 0
) -> tuple[float, float, int]:
    """Search for the largest value of a homogeneous form on the matrices of Frobenius norm one.

    Args:
        space: the matrices.
        graphs: of one degree.
        theta: coefficients.
        seed: of the random starts.

    Returns:
        The largest value found, the largest magnitude seen, and the number of starts. The search ends early where the
        value is positive.

    >>> from pigmm.invariants.representation.spaces import SquareSpace
    >>> largest, _, _ = largest_on_sphere(SquareSpace(5), [Multigraph([(0, 1)] * 4)], [-1.0])  # at equal entries
    >>> round(largest * 5**2, 6)
    -1.0
    """
    family, weights = space.decomposition.family, np.array(theta, dtype=np.float64)

    def values(points: Array) -> Array:
        found: Array = evaluate(points, graphs, family=family) @ weights
        return found

    points = _starts(space, np.random.default_rng(seed))
    current = values(points)
    scale = float(np.abs(current).max())
    steps = np.ones(len(points))
    axes = (slice(None), *[None] * len(space.shape))
    for _ in range(_STEPS):
        if current.max() > _ZERO * scale:
            break
        gradient = evaluate_gradient(points, graphs, weights=weights, family=family)
        sums = tuple(range(1, gradient.ndim))
        gradient -= (gradient * points).sum(axis=sums)[axes] * points
        trial = _normalised(points + steps[axes] * gradient / max(scale, np.finfo(np.float64).tiny))
        tried = values(trial)
        better = tried > current
        points[better], current[better] = trial[better], tried[better]
        scale = max(scale, float(np.abs(tried).max()))
        steps *= np.where(better, 1.5, 0.4)
        if (steps < 1e-12).all():
            break
    return float(current.max()), scale, len(points)


def _starts(space: MatrixSpace, rng: np.random.Generator) -> Array:
    """Random matrices of full and of few entries or of rank one, and single entries, rows, columns and the identity."""
    shape = space.shape
    rows, columns = shape[-2:]
    full = rng.standard_normal((_RANDOM_STARTS // 3, *shape))
    few = rng.standard_normal((_RANDOM_STARTS // 3, *shape)) ** 5
    one = rng.standard_normal((_RANDOM_STARTS // 3, *shape[:-1], 1)) * rng.standard_normal(
        (_RANDOM_STARTS // 3, *shape[:-2], 1, columns)
    )
    simple = np.zeros((6, *shape))
    simple[0, ..., 0, 1] = simple[1, ..., 0, 0] = simple[2, ..., 0, :] = simple[3, ..., :, 0] = simple[4] = 1
    simple[5, ..., range(min(rows, columns)), range(min(rows, columns))] = 1
    several = np.concatenate([full, few, one, simple + 1e-3 * rng.standard_normal(simple.shape)])
    return _normalised(space.assemble(space.project(several)))  # inside the space


def _normalised(matrices: Array) -> Array:
    norms = np.sqrt(np.square(matrices).reshape(len(matrices), -1).sum(axis=1))
    result: Array = matrices / norms.reshape(-1, *[1] * (matrices.ndim - 1))
    return result
