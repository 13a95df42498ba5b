"""Tail probabilities of sums of logarithms of beta variables: the exact law of likelihood ratios of means."""

from __future__ import annotations

import numpy as np
import scipy.optimize
import scipy.special
from numpy.typing import ArrayLike, NDArray

# In units of the standard deviation at the saddle point: the step of the trapezoidal rule, its reach, and how far the
# contour stays from the pole at zero. Errors fall as exp(-2 pi distance / step).
_STEP, _REACH, _DISTANCE = 0.05, 20.0, 0.5


def log_beta_survival(value: float, first: ArrayLike, second: ArrayLike, weights: ArrayLike) -> float:
    """Compute P(T >= value) of T = -sum_i w_i log X_i, X_i ~ Beta(a_i, b_i) independent, to about ten digits.

    The cumulant generating function is
        K(s) = sum_i log [Gamma(a_i - s w_i) Gamma(a_i + b_i) / (Gamma(a_i) Gamma(a_i + b_i - s w_i))].
    The probability is the integral of exp(K(s) - s value) / (2 pi i s) along a contour. It passes through the saddle
    point K'(s) = value and bends as steepest descent does, so nothing cancels, however small the result.

    Args:
        value: a value of T.
        first: (count,) a_i, positive.
        second: (count,) b_i, positive.
        weights: (count,) w_i, positive.

    Returns:
        The probability, in [0, 1].

    Source:
        H. E. Daniels, Ann. Math. Statist. 25 (1954) 631, for the contour through the saddle point.

    >>> float(round(log_beta_survival(2.0, [3.0], [1.0], [1.0]) / np.exp(-6), 10))  # -log X is exponential, of rate 3
    1.0
    """
    if value <= 0:
        return 1.0
    a, b, w = (np.asarray(array, dtype=np.float64)[:, None] for array in (first, second, weights))
    limit = float((a / w).min())
    beyond = np.where(a / w > limit, a - limit * w, 0.0)  # exactly 0 for the nearest pole, however near s comes to it

    def derivative(order: int, distance: float) -> float:
        own = beyond + distance * w
        terms = scipy.special.polygamma(order - 1, own) - scipy.special.polygamma(order - 1, own + b)
        return float((-1) ** order * (w**order * terms).sum())

    def excess(distance: float) -> float:
        return derivative(1, np.exp(distance)) - value

    high = float(np.log(limit))
    low = high - 1
    while excess(low) < 0:
        low -= 1
    while excess(high) > 0:
        high += 1
    distance = float(np.exp(scipy.optimize.brentq(excess, low, high)))
    spread = derivative(2, distance) ** -0.5
    if abs(limit - distance) < _DISTANCE * spread:
        # on the left there is always room
        distance = limit + _DISTANCE * spread
        spread = derivative(2, distance) ** -0.5
    saddle = limit - distance
    bend = derivative(3, distance) / (6 * derivative(2, distance))
    u = _STEP * spread * np.arange(round(_REACH / _STEP))
    step = bend * u**2 + 1j * u
    s = saddle + step
    own = beyond + (distance - step) * w  # a - s w
    log_gamma = scipy.special.loggamma
    cumulant = (log_gamma(own) - log_gamma(own + b) + log_gamma(a + b) - log_gamma(a)).sum(axis=0)
    integrand = np.exp(cumulant - s * value) / s * (1 - 2j * bend * u)
    integrand[0] /= 2  # the other half of the contour is the mirror image
    integral = float(integrand.real.sum()) * _STEP * spread / np.pi
    return float(np.clip(integral if saddle > 0 else 1 + integral, 0.0, 1.0))


def wilks_factors(copies: int, dimension: int, count: int) -> NDArray[np.float64]:
    """Parameters of the beta variables whose product is Wilks' lambda, det W / det (W + B).

    W ~ Wishart(G, (count - 1) dimension) and B ~ Wishart(G, dimension) are independent.

    Args:
        copies: size of W and B.
        dimension: of the irrep.
        count: matrices, at least 2.

    Returns:
        (2, copies): a, then b.

    Source:
        Anderson, An Introduction to Multivariate Statistical Analysis, 3rd ed. (2003), theorem 8.4.1.

    >>> wilks_factors(1, 4, 10).tolist()
    [[18.0], [2.0]]
    """
    index = np.arange(copies)
    return np.array([((count - 1) * dimension - index) / 2, np.full(copies, dimension / 2)])
