"""Distances between ensembles themselves, not their fits: optimal transport between samples, by POT."""

from __future__ import annotations

from math import prod

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ...invariants.checks import checked_integer, checked_matrices
from ..model.gaussian import BlockGaussian
from ..model.sufficient_statistics import SufficientStatistics
from .null_bands import checked_level, with_null_band

Array = NDArray[np.float64]

METHODS = ("exact", "sliced")

# Entries that are drawn and moved at a time: few enough for the temporary arrays to stay in cache.
_CHUNK_ENTRIES = 1 << 16


def sample_wasserstein(
    p: ArrayLike,
    q: ArrayLike,
    *,
    method: str = "exact",
    subsample: int = 300,
    projections: int = 200,
    seed: int = 0,
) -> float:
    """The 2-Wasserstein distance between two ensembles as sets of points, matrices in the Frobenius norm.

    "exact" solves the transport problem between at most `subsample` matrices of each; the time grows as the cube.
    "sliced" takes all, and returns sqrt(E W_2^2) over random one-dimensional projections. For a mere shift of the mean
    this is the norm of the shift over the root of the number of entries. In many dimensions samples are sparse: two of
    one law are far apart, by nearly sqrt(2 entries) standard deviations of an entry. `sample_distance_test` gives the
    distance that chance makes.

    Args:
        p: (n, rows, columns).
        q: (m, rows, columns).
        method: "exact" or "sliced".
        subsample: most matrices of each ensemble that "exact" uses; chosen at random.
        projections: of "sliced".
        seed: of the choice or the projections.

    Returns:
        The distance, in units of a matrix entry.

    Raises:
        ValueError: if the matrices are of different shapes, or an argument is not as above.

    Source:
        Exact: N. Bonneel et al., ACM Trans. Graph. 30 (2011) 158. Sliced: N. Bonneel et al., J. Math. Imaging Vis. 51
        (2015) 22.

    >>> rng = np.random.default_rng(0)
    >>> matrices = rng.normal(size=(50, 4, 4))
    >>> round(sample_wasserstein(matrices, matrices + 0.5), 6)
    2.0
    """
    x, y = _pair(p, q)
    _check_options(method, subsample, projections)
    rng = np.random.default_rng(seed)
    if method == "exact":
        return _exact(_chosen(x, subsample, rng), _chosen(y, subsample, rng))
    directions = _directions(x.shape[1], projections, rng)
    return _sliced(x @ directions, y @ directions, x.shape[1])


def sample_distance_test(
    p: ArrayLike,
    q: ArrayLike | BlockGaussian,
    *,
    method: str = "exact",
    subsample: int = 300,
    projections: int = 200,
    fitted: bool = True,
    replicates: int = 99,
    seed: int = 0,
    level: float = 0.9,
) -> pd.Series:
    """The distance of `sample_wasserstein`, and its law if both were of one law.

    Of two independent ensembles: all matrices are mixed and dealt out again at random, an exact test. Of an ensemble
    and a model given beforehand: a sample of the model, as large, stands for it, and the distances of further samples
    to the same one are the null, which is exact too: given that one, the ensemble and the samples are alike and
    independent. If the model was fitted to the ensemble, every sample is moved and scaled, irrep by irrep, until its
    own fit is the model: first whitened by a refit, then coloured by the model. Whitened Gaussian ensembles have one
    law and are independent of their fits (Basu's theorem), so this test, of ensembles of one fit, is exact as well.

    Args:
        p: (n, rows, columns), n at least 1; enough for a fit, if the model was fitted.
        q: (m, rows, columns), or a model.
        method: "exact" or "sliced".
        subsample: most matrices of each ensemble that "exact" uses; chosen at random.
        projections: of "sliced".
        fitted: whether the model was fitted to `p` by maximum likelihood; of two ensembles without meaning.
        replicates: how many, at least 1.
        seed: of everything random.
        level: probability of the band.

    Returns:
        distance, null_mean, null_lower, null_upper (the central band), p_value ((1 + replicates not below) /
        (1 + replicates)).

    Raises:
        ValueError: if the matrices are of different shapes, there are none, or an argument is not as above.

    Source:
        D. Basu, Sankhya 15 (1955) 377; p-values: J. Besag and P. Clifford, Biometrika 76 (1989) 633.

    >>> from pigmm.fitting import PIGMM
    >>> matrices = PIGMM.iid(4, variance=1.0).sample(60, seed=0)
    >>> near = sample_distance_test(matrices, PIGMM.fit(matrices), replicates=19)
    >>> far = sample_distance_test(matrices, PIGMM.iid(4, variance=4.0).sample(60, seed=1), replicates=19)
    >>> bool(near.p_value > 0.05), float(far.p_value)
    (True, 0.05)
    """
    _check_options(method, subsample, projections)
    checked_integer("replicates", replicates, least=1)
    checked_level(level)
    # apart from the random numbers of `sample(seed=seed)`, which would draw simulated matrices once more
    rng = np.random.default_rng(np.random.SeedSequence(seed).spawn(1)[0])

    entries = prod(checked_matrices(p, square=False).shape[1:])
    # one choice for all: given the directions, the distances are as exchangeable, and they are costly to draw
    directions = _directions(entries, projections, rng) if method == "sliced" else None

    def seen(points: Array) -> Array:
        return _chosen(points, subsample, rng) if directions is None else points @ directions

    def distance(x: Array, y: Array) -> float:
        return _exact(x, y) if directions is None else _sliced(x, y, entries)

    if not isinstance(q, BlockGaussian):
        x, y = map(seen, _pair(p, q))
        mixed = np.concatenate([x, y])
        dealt = (rng.permutation(mixed) for _ in range(replicates))
        null = [distance(deal[: len(x)], deal[len(x) :]) for deal in dealt]
        return with_null_band(distance(x, y), np.array(null), level)
    matrices = checked_matrices(p, square=False)
    if len(matrices) == 0 or matrices.shape[1:] != q.space.shape:
        raise ValueError(
            f"p must be one matrix or more of the shape of the model, (n, {str(q.space.shape)[1:]}, "
            f"got {matrices.shape}"
        )

    def sample() -> Array:
        count = len(matrices)
        return seen(_flat(_refitted_sample(q, count, rng) if fitted else q.sample(count, rng)))

    reference = sample()
    found = distance(seen(_flat(matrices)), reference)
    null = [distance(sample(), reference) for _ in range(replicates)]
    return with_null_band(found, np.array(null), level)


def _refitted_sample(model: BlockGaussian, count: int, rng: np.random.Generator) -> Array:
    """Matrices (count, rows, columns) of a model, moved and scaled irrep by irrep until their own fit is the model."""
    space = model.space
    step = max(1, _CHUNK_ENTRIES // prod(space.shape))
    counts = [min(step, count - start) for start in range(0, count, step)]
    drawn = [list(space.project(rng.standard_normal((own, *space.shape)))) for own in counts]
    statistics = SufficientStatistics.merged(SufficientStatistics.of_components(space, parts) for parts in drawn)
    # the roots are triangular, so their quotient is what whitening and colouring of the matrices come to
    pairs = zip(model.covariances, statistics.moments, strict=True)
    moved = [np.linalg.cholesky(covariance) @ np.linalg.inv(np.linalg.cholesky(own)) for covariance, own in pairs]
    matrices = np.empty((count, *space.shape))
    for start, parts in zip(range(0, count, step), drawn, strict=True):
        parts[0] = parts[0] - statistics.mean[:, None]
        # a single copy is only scaled, which is faster than a product of matrices
        parts = [m @ part if len(m) > 1 else m.item() * part for m, part in zip(moved, parts, strict=True)]
        parts[0] += model.means[:, None]
        matrices[start : start + step] = space.assemble(parts)
    return matrices


def _pair(p: ArrayLike, q: ArrayLike) -> tuple[Array, Array]:
    x, y = (checked_matrices(matrices, square=False) for matrices in (p, q))
    if x.ndim < 3 or len(x) == 0 or len(y) == 0 or x.shape[1:] != y.shape[1:]:
        raise ValueError(f"p and q must be of shapes (n, rows, columns), (m, rows, columns), got {x.shape}, {y.shape}")
    return _flat(x), _flat(y)


def _flat(matrices: NDArray[np.floating]) -> Array:
    return matrices.reshape(len(matrices), -1).astype(np.float64)


def _check_options(method: str, subsample: int, projections: int) -> None:
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    checked_integer("subsample", subsample, least=1)
    checked_integer("projections", projections, least=1)


def _chosen(points: Array, most: int, rng: np.random.Generator) -> Array:
    return points if len(points) <= most else rng.choice(points, most, replace=False)


def _exact(x: Array, y: Array) -> float:
    import ot

    x, y, unit = _in_units(x, y)
    return unit * float(np.sqrt(max(ot.emd2([], [], ot.dist(x, y)), 0.0)))


def _directions(entries: int, count: int, rng: np.random.Generator) -> Array:
    """(entries, count): vectors uniform on the sphere, so short that a product with them is no larger than an entry."""
    directions = rng.standard_normal((entries, count))
    directions /= np.sqrt(entries * np.einsum("ek,ek->k", directions, directions))
    return directions


def _sliced(x: Array, y: Array, entries: int) -> float:
    """From the products (n, directions) of the matrices with `_directions`."""
    import ot

    x, y, unit = _in_units(x, y)
    return unit * float(np.sqrt(entries * ot.wasserstein_1d(x, y, p=2).mean()))


def _in_units(x: Array, y: Array) -> tuple[Array, Array, float]:
    """Points about their common mean, in units of the largest entry, so that squares neither cancel nor overflow."""
    points = np.concatenate([x, y])
    largest = float(np.abs(points).max()) or 1.0
    points /= largest
    points -= points.mean(axis=0)
    spread = float(np.abs(points).max()) or 1.0
    points /= spread
    return points[: len(x)], points[len(x) :], largest * spread
