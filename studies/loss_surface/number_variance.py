"""How many levels of batch Hessians lie in an interval: the variance of their number against random ensembles."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import ttest_ind

from ...spectra import GOE, GUE, POISSON, Ensemble, number_variance, unfold
from ..analysis.selection import where
from .plan import Plan
from .surface import Array

#: Lengths of the intervals in mean spacings, and the one that is judged.
LENGTHS, JUDGED = (0.5, 1.0, 2.0, 4.0), 2.0

_SIMULATED = 199  # spectra of an ensemble, for their mean
_FEWEST_LEVELS = 20  # of a spectrum: its own curve needs some, and an interval is at most half of them


def number_variances(eigenvalues: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Compare the number variance of batch Hessians with that of random ensembles.

    The levels above zero are unfolded by a smooth curve through their logarithms, for the density falls over decades.
    Simulated spectra go the same way, so that what the curve takes out is taken out on both sides.

    Args:
        eigenvalues: as `batch_spectra` returns them.
        plan: for the seed.

    Returns:
        A row for each epoch, part of the data, ensemble and length: epoch, data, ensemble, length, number_variance
        (mean over the networks), standard_error, expected (mean over simulated spectra of as many levels), p_value (of
        no difference, by Welch's t; NaN for one network), networks, simulated. None where a spectrum has few levels.

    >>> rng = np.random.default_rng(0)
    >>> levels = [{"epoch": 0.0, "data": "train", "network": network, "zero": False, "eigenvalue": value}
    ...           for network in range(6) for value in GOE.spectrum(200, rng)]
    >>> table = number_variances(pd.DataFrame(levels), Plan())
    >>> p = table[table.length == 2].set_index("ensemble").p_value
    >>> bool(p["GOE"] > 0.01), bool(p["Poisson"] < 0.01)
    (True, True)
    """
    rows = []
    for (epoch, part), own in where(eigenvalues, zero=False).groupby(["epoch", "data"], sort=False):
        spectra = [_above_zero(levels.to_numpy()) for _, levels in own.groupby("network").eigenvalue]
        counts = [len(levels) for levels in spectra]
        if min(counts) < _FEWEST_LEVELS:
            continue
        measured = np.array([_of(levels) for levels in spectra])
        for ensemble in (GOE, GUE, POISSON):
            simulated = _simulated(ensemble, counts, np.random.default_rng(plan.seed))
            for place, length in enumerate(LENGTHS):
                values = measured[:, place]
                several = len(values) > 1
                rows.append(
                    {
                        "epoch": epoch,
                        "data": part,
                        "ensemble": ensemble.name,
                        "length": length,
                        "number_variance": float(values.mean()),
                        "standard_error": float(values.std(ddof=1) / np.sqrt(len(values))) if several else np.nan,
                        "expected": float(simulated[:, place].mean()),
                        "p_value": float(ttest_ind(values, simulated[:, place], equal_var=False).pvalue)
                        if several
                        else np.nan,
                        "networks": len(values),
                        "simulated": _SIMULATED,
                    }
                )
    columns = ["epoch", "data", "ensemble", "length", "number_variance", "standard_error", "expected", "p_value"]
    return pd.DataFrame(rows, columns=[*columns, "networks", "simulated"])


def _above_zero(levels: Array) -> Array:
    return levels[levels > 0]


def _of(levels: Array) -> Array:
    return number_variance(unfold(np.log(levels)), LENGTHS)


def _simulated(ensemble: Ensemble, counts: list[int], rng: np.random.Generator) -> Array:
    """(simulated, lengths) of spectra with about the given numbers of levels above zero."""
    chosen = (counts[k % len(counts)] for k in range(_SIMULATED))
    return np.array([_of(_above_zero(ensemble.spectrum(2 * count, rng))) for count in chosen])
