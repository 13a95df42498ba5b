"""Standard errors and confidence intervals of the fitted parameters."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import chdtrc, chdtri, ndtr, ndtri, stdtr
from scipy.stats import chi2, t

from ...invariants.checks import checked_integer
from .blocks import parameters_from_blocks, trivial_parameters
from .gaussian import BlockGaussian
from .sampling_law import degrees_of_freedom, least_count, standard_errors
from .sufficient_statistics import checked_batch

Array = NDArray[np.float64]

METHODS = ("exact", "sandwich", "bootstrap")

# Of the quadrature: how many nodes, and how far in standard deviations.
_NODES, _REACH = 201, 8.5
# Of the search for a quantile: first step in standard deviations, and how near to 0 and 1 a probability is told apart.
_STEP, _LEAST = 0.1, 1e-15
_STRONG = 0.99  # correlation above which T is the one to sum over: the function of X is too steep for the nodes


def confidence_intervals(
    model: BlockGaussian,
    matrices: ArrayLike | int,
    *,
    method: str = "exact",
    level: float = 0.95,
    replicates: int = 2000,
    seed: int | np.random.Generator | None = 0,
) -> pd.DataFrame:
    """Standard errors and confidence intervals of the parameters of a model that was fitted to matrices.

    Args:
        model: as fitted by maximum likelihood, without shrinkage.
        matrices: (n, rows, columns), n at least one more than the copies of the trivial irrep; for "exact" their number
            n is enough. If the trivial components are given, n at least 1 for "exact" and 2 for the others.
        method: "exact", by the sampling law of Gaussian matrices: Student's t for means, chi^2 for variances, and for
            the covariance of two copies the fiducial interval of `covariance_interval`;
            "sandwich", estimate +- t sd(influence) / sqrt(n), which needs no Gaussian law but many matrices;
            "bootstrap", percentiles over resampled matrices, as robust, and not symmetric about the estimate.
        level: probability that an interval holds the parameter.
        replicates: of the bootstrap.
        seed: of the bootstrap.

    Returns:
        A row a parameter, its name in the index `parameter`, with the columns estimate, standard_error, lower, upper,
        method. If the trivial components are given there are no rows for their means, which are not estimated, nor
        for their covariances, which are not known.

    Raises:
        ValueError: if the method is none of these, the level is not between 0 and 1, the matrices are too few, or not
            as many as those whose trivial components are given.

    Source:
        Sandwich: H. White, Econometrica 50 (1982) 1. Bootstrap: B. Efron, Ann. Statist. 7 (1979) 1.

    >>> from pigmm.fitting import PIGMM
    >>> matrices = PIGMM.iid(4, variance=1.0).sample(1000, seed=0)
    >>> table = confidence_intervals(PIGMM.fit(matrices), matrices)
    >>> table.loc["G3", ["lower", "upper"]].astype(float).round(3).tolist()
    [0.956, 1.058]
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, got {level!r}")
    counted = np.isscalar(matrices) or getattr(matrices, "shape", None) == ()
    least = least_count(model) if method == "exact" else max(2, least_count(model))
    count = checked_integer(
        "the number of matrices", matrices if counted else len(checked_batch(matrices, model.space)), least=least
    )
    if model.given is not None and count != len(model.given):
        raise ValueError(f"matrices must be the {len(model.given)} whose trivial components are given, got {count}")
    tail = (1 - level) / 2
    if method == "exact":
        error = standard_errors(model, count)
        lower, upper = _exact(model, count, tail)
    elif counted:
        raise ValueError(f"matrices must be the matrices themselves for method {method!r}, got their number")
    elif method == "sandwich":
        error = _deviations(model.influence(matrices)) / np.sqrt(count)
        half = t.isf(tail, count - 1) * error
        lower, upper = model.parameters - half, model.parameters + half
    else:
        drawn = resampled_estimates(model, matrices, checked_integer("replicates", replicates, least=2), seed)
        error = _deviations(drawn)
        lower, upper = np.quantile(drawn, [tail, 1 - tail], axis=0)
    table = pd.DataFrame(
        {"estimate": model.parameters, "standard_error": error, "lower": lower, "upper": upper, "method": method},
        index=pd.Index(model.names, name="parameter"),
    )
    return table if model.given is None else table.iloc[trivial_parameters(model.space)[1].stop :]


def covariance_interval(scatter: ArrayLike, degrees: int, tail: float) -> tuple[float, float]:
    """Equal-tailed interval of the covariance of two normal variables from their Wishart scatter matrix.

    Given the scatter S of m degrees of freedom, the fiducial law of the covariance is that of
    (S_12 - sqrt(det S) T / sqrt(m - 1)) / X with Student's T of m - 1 degrees and X ~ chi^2_m, independent. It follows
    from S = (K B)(K B)^T, K the Cholesky root of the covariance and B Bartlett's triangle, by solving for K, and is the
    same for either order of the variables. For the two variances the same argument gives their exact intervals, and for
    the correlation Fisher's fiducial law, which is exact too. Here the coverage is not exact but near: a test
    measures it.

    Args:
        scatter: (2, 2), positive definite.
        degrees: m, at least 2.
        tail: probability on each side.

    Returns:
        Its lower and upper end.

    Source:
        M. S. Bartlett, Proc. R. Soc. Edinb. 53 (1933) 260, for the triangle; R. A. Fisher, Proc. Camb. Phil. Soc. 26
        (1930) 528, for the fiducial law.

    >>> low, high = covariance_interval([[100.0, 50.0], [50.0, 100.0]], 100, 0.025)
    >>> round(low, 3), round(high, 3)
    (0.306, 0.765)
    """
    correlation, unit = _in_units_of_diagonal(scatter)
    scale = float(unit) / degrees
    spread = float(np.sqrt((1 + correlation**2) / degrees))

    def quantile(score: float) -> float:
        """Where the probability has this normal score, which is nearly linear in the covariance: few steps find it."""

        def excess(x: float) -> float:
            p = _probability(correlation, degrees, x / degrees)
            return float(ndtri(np.clip(p, _LEAST, 1 - _LEAST))) - score

        low = high = float(correlation) + score * spread
        step = _STEP * spread
        if excess(low) > 0:
            while excess(low := low - step) > 0:
                high, step = low, 2 * step
        else:
            while excess(high := high + step) < 0:
                low, step = high, 2 * step
        return float(brentq(excess, low, high, xtol=1e-9)) * scale

    score = float(ndtri(max(tail, 10 * _LEAST)))  # beyond that the quadrature sees nothing
    return quantile(score), quantile(-score)


def fiducial_probability(scatter: ArrayLike, degrees: int, covariance: float) -> Array:
    """Fiducial probability that the covariance is below a value; uniform over scatters, nearly, at the true value.

    Args:
        scatter: (..., 2, 2), positive definite.
        degrees: m, as in `covariance_interval`.
        covariance: the value.

    Returns:
        (...), probabilities.

    Source:
        As `covariance_interval`.

    >>> round(float(fiducial_probability([[100.0, 0.0], [0.0, 100.0]], 100, 0.0)), 12)
    0.5
    """
    correlation, unit = _in_units_of_diagonal(scatter)
    return _probability(correlation, degrees, covariance / unit)


def _probability(correlation: Array, degrees: int, covariance: Array | float) -> Array:
    """`fiducial_probability` for scatters of unit diagonal, given by their correlations (...).

    The event is r - w T < c X. One of T and X is integrated out by its distribution function and the other by
    quadrature: X in general, T for correlations near 1, where the function of X would be a step.
    """
    r, c = np.broadcast_arrays(correlation, np.asarray(covariance, dtype=np.float64))
    strong = np.abs(r) >= _STRONG
    width = np.sqrt((1 - r) * (1 + r) / (degrees - 1))
    r, c, width = r[..., None], c[..., None], width[..., None]
    chi_squared, student, weights = _nodes(degrees)

    def by_chi_squared() -> Array:
        return np.asarray(stdtr(degrees - 1, (c * chi_squared - r) / width) @ weights)

    def by_student() -> Array:
        with np.errstate(divide="ignore", over="ignore"):
            bound = (r - width * student) / np.where(c == 0, np.finfo(np.float64).tiny, c)
        above = chdtrc(degrees, np.maximum(bound, 0))
        return np.asarray(np.where(c < 0, 1 - above, above) @ weights)

    if strong.all():
        return by_student()
    return np.where(strong, by_student(), by_chi_squared()) if strong.any() else by_chi_squared()


def _in_units_of_diagonal(scatter: ArrayLike) -> tuple[Array, Array]:
    """Correlations (...) of scatters (..., 2, 2), and the unit of their covariances.

    The product of the variances, which may overflow or vanish, is never formed.
    """
    s = np.asarray(scatter, dtype=np.float64)
    first, second = np.sqrt(s[..., 0, 0]), np.sqrt(s[..., 1, 1])
    return np.asarray(s[..., 0, 1] / first / second), np.asarray(first * second)


def _deviations(values: Array) -> Array:
    """(columns,): standard deviations of values (n, columns), whose squares may be out of range."""
    unit = np.abs(values).max(axis=0)
    unit[unit == 0] = 1
    deviations: Array = unit * (values / unit).std(axis=0, ddof=1)
    return deviations


@lru_cache(maxsize=256)
def _nodes(degrees: int) -> tuple[Array, Array, Array]:
    """Nodes of chi^2 and of Student's t, and their weights: the trapezoidal rule over the normal score.

    The rule converges exponentially for what falls off as smoothly as the normal density, and sees the tails.
    """
    score = np.linspace(-_REACH, _REACH, _NODES)
    tail = ndtr(-np.abs(score))
    chi_squared = np.where(score < 0, chi2.ppf(tail, degrees), chi2.isf(tail, degrees))
    student = np.copysign(t.isf(tail, degrees - 1), score)
    weights = np.exp(-(score**2) / 2)
    return chi_squared, student, weights / weights.sum()


def resampled_estimates(
    model: BlockGaussian, matrices: ArrayLike, replicates: int, seed: int | np.random.Generator | None = 0
) -> Array:
    """Fits to matrices drawn with replacement from those that the model was fitted to.

    Each is computed from per-matrix moments, so a replicate costs O(n) whatever the size.

    Args:
        model: the fit of the matrices.
        matrices: (n, rows, columns).
        replicates: how many fits.
        seed: an integer or a numpy Generator.

    Returns:
        (replicates, parameters).

    Raises:
        ValueError: if the matrices are not those of the model's space.

    Source:
        B. Efron, Ann. Statist. 7 (1979) 1.

    >>> from pigmm.fitting import PIGMM
    >>> matrices = PIGMM.iid(4, variance=1.0).sample(50, seed=0)
    >>> resampled_estimates(PIGMM.fit(matrices), matrices, 3).shape
    (3, 13)
    """
    rng = np.random.default_rng(seed)
    influence = model.influence(matrices)
    count, copies = len(influence), len(model.means)
    estimates = np.empty((replicates, influence.shape[1]))
    for row in estimates:
        weights = np.bincount(rng.integers(count, size=count), minlength=count)
        row[:] = model.parameters + weights @ influence / count
    # the influence is that of moments about the model's mean; a resampled mean moves the centre
    shift = estimates[:, :copies] - model.means
    if model.given is not None:
        return estimates
    moved = shift[:, :, None] * shift[:, None, :]
    upper = np.triu_indices(copies)
    estimates[:, copies : copies + len(upper[0])] -= moved[:, *upper]
    return estimates


def _exact(model: BlockGaussian, count: int, tail: float) -> tuple[Array, Array]:
    """Lower and upper ends by the exact law."""
    lower, upper = [], []
    half = np.full(len(model.means), np.nan)
    if model.given is None:
        half = t.isf(tail, count - 1) * np.sqrt(np.diag(model.covariances[0]) / (count - 1))
    else:
        lower, upper = ([np.full_like(model.covariances[0], np.nan)] for _ in range(2))
    freedom = degrees_of_freedom(model, count)[-len(model.varying) :]
    for m, (d, covariance) in zip(freedom, model.varying, strict=True):
        scatter = count * d * covariance
        low, high = (np.diag(np.diag(scatter) / chdtri(m, p)) for p in (tail, 1 - tail))
        for x, y in zip(*np.triu_indices(len(scatter), 1), strict=True):
            low[x, y], high[x, y] = covariance_interval(scatter[np.ix_([x, y], [x, y])], m, tail)
        lower.append(low)
        upper.append(high)
    return parameters_from_blocks(model.means - half, lower), parameters_from_blocks(model.means + half, upper)
