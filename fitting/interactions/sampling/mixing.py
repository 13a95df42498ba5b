"""How well several Markov chains agree: R-hat, and the number of independent draws that theirs are worth.

Both are the standard ones and a few lines, so that no package of Bayesian statistics is needed for them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

Array = NDArray[np.float64]


def r_hat(draws: Array) -> Array:
    """Rank-normalised split R-hat: near 1 where all halves of all chains are from one law.

    Args:
        draws: (draws, chains, quantities), at least 4 draws.

    Returns:
        (quantities,); NaN of one that is constant.

    Source:
        A. Vehtari et al., Bayesian Anal. 16 (2021) 667.

    >>> draws = np.random.default_rng(0).normal(size=(100, 8, 1))
    >>> r_hat(draws).round(1).tolist(), (r_hat(draws + 2 * np.arange(8)[:, None]) > 1.5).tolist()
    ([1.0], [True])
    """
    halves = _split(draws)
    folded = np.abs(halves - np.median(halves, axis=(0, 1)))
    of_means, of_spreads = (_basic_r_hat(_rank_normalised(part)) for part in (halves, folded))
    result: Array = np.maximum(of_means, of_spreads)
    return result


def effective_sizes(draws: Array) -> Array:
    """Number of independent draws whose mean is as precise as that of these: Geyer's initial monotone sequence.

    Args:
        draws: (draws, chains, quantities), at least 4 draws.

    Returns:
        (quantities,); NaN of one that is constant.

    Source:
        A. Vehtari et al., Bayesian Anal. 16 (2021) 667, section 3.2; C. J. Geyer, Statist. Sci. 7 (1992) 473.

    >>> draws = np.random.default_rng(0).normal(size=(500, 8, 1))
    >>> bool(3000 < effective_sizes(draws)[0] < 5000)
    True
    """
    halves = _split(draws)
    length, chains = halves.shape[:2]
    centred = halves - halves.mean(axis=0)
    spectrum = np.fft.rfft(centred, 2 * length, axis=0)
    lagged = np.fft.irfft(np.abs(spectrum) ** 2, axis=0)[:length].mean(axis=1) / length
    within = lagged[0] * length / (length - 1)
    total = lagged[0] + halves.mean(axis=0).var(axis=0, ddof=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        correlations = 1 - (within - lagged) / total
    correlations[0] = 1.0
    pairs = correlations[: length // 2 * 2].reshape(length // 2, 2, -1).sum(axis=1)
    positive = np.cumprod(pairs > 0, axis=0)
    falling = np.minimum.accumulate(np.where(positive, pairs, 0.0), axis=0)
    times = np.maximum(-1 + 2 * falling.sum(axis=0), 1 / np.log10(length * chains))
    result: Array = np.where(total > 0, length * chains / times, np.nan)
    return result


def _split(draws: Array) -> Array:
    """The halves of the chains as chains of their own."""
    half = len(draws) // 2
    return np.concatenate([draws[:half], draws[-half:]], axis=1)


def _rank_normalised(draws: Array) -> Array:
    flat = draws.reshape(-1, draws.shape[-1])
    result: Array = norm.ppf((rankdata(flat, axis=0) - 0.375) / (len(flat) + 0.25)).reshape(draws.shape)
    return result


def _basic_r_hat(draws: Array) -> Array:
    length = len(draws)
    within = draws.var(axis=0, ddof=1).mean(axis=0)
    between = draws.mean(axis=0).var(axis=0, ddof=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        result: Array = np.sqrt((length - 1) / length + between / within)
    return result
