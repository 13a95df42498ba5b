"""Layers that are alike, taken together: blocks of a transformer, taps of a convolution, heads, experts.

Each statistic of a matrix has a known variance where entries are independent: that of z_trace is 1, that of Fisher's
z of the correlation of N means 1 / (N - 3), that of the logarithm of a ratio of variances with d and e degrees of
freedom psi'(d/2) + psi'(e/2). So with n matrices Cochran's Q, the sum of squares about the mean in units of that
variance, is about chi squared with n - 1 degrees of freedom if they differ no more than by chance. Fourth moments of
the entries do not enter: means of rows are nearly normal, and G2 and G3 differ by products of two entries.

Taps of one convolution are correlated, and the values v with them (`taps` says how). With C the correlations of the
values, Q is the least of (v - m)^T C^-1 (v - m) over m, and the variance of the mean is that for independent values
and the average of C off its diagonal. C is estimated from D entries, so that Q has Hotelling's law, (D - n + 2) Q /
(D (n - 1)) ~ F(n - 1, D - n + 2), which is exact for self-connections of Gaussian entries.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.stats
from numpy.typing import NDArray
from scipy.special import digamma, polygamma

from ...analysis.verdicts import holm
from ..reading.readings import pattern
from ..reading.taps import Correlations, correlations_of

Array = NDArray[np.float64]

_PIECE = re.compile(r"(?P<stem>.*)(?P<piece>\[\d+\])$")
# Correlations that add up to less, in units of their number, are those of taps that cancel each other.
_ROUNDING = 1e-9
_COLUMNS = (
    "layers", "matrices", "rows", "columns", "statistic", "mean", "low", "high", "z", "p_value", "heterogeneity",
    "p_heterogeneity",
)  # fmt: skip


def alike(table: pd.DataFrame) -> pd.DataFrame:
    """Groups of like matrices: whether they differ, what they have in common, and between which bounds.

    Args:
        table: as `analyse_network` returns it.

    Returns:
        A row a group and statistic. layers: the common name, with stars; matrices, rows, columns; statistic; mean of
        the matrices, with a 95% interval that allows for differences between them (Student's t over the matrices); z
        and p_value of all together against independent rows and columns; heterogeneity, Q over its degrees of freedom,
        and p_heterogeneity; departs and differ, the verdicts by Holm's procedure over all p-values of each kind.
        The entries of products are not independent. So for them z of the symmetry is that over permuted columns, and z
        of the hubs and Q of both are not given.

    >>> from pigmm.studies import analyse_network
    >>> rng = np.random.default_rng(0)
    >>> weights = {f"h.{k}.weight": rng.normal(size=(40, 40)) - 0.5 * np.eye(40) for k in range(6)}
    >>> found = alike(analyse_network(weights, replicates=0)).set_index("statistic")
    >>> bool(found.departs["self-connections"]), bool(found.differ.any())
    (True, False)
    """
    correlations = table.attrs.get("taps", {})
    found = pd.DataFrame(list(_rows(table[table.note == ""], correlations)), columns=list(_COLUMNS))
    found["departs"] = holm(found.p_value.to_numpy(dtype=float))
    found["differ"] = holm(found.p_heterogeneity.to_numpy(dtype=float))
    return found


def groups_of(table: pd.DataFrame) -> dict[str, list[str]]:
    """Group like matrices: two at least, of one shape and reading, whose names differ in numbers only.

    Args:
        table: as `analyse_network` returns it.

    Returns:
        Names of the matrices, by their names with stars for the numbers.

    >>> table = pd.DataFrame({"rows": 8, "columns": 8, "group": "S_N", "read_as": "four gates of an LSTM"},
    ...                      index=["weight_hh_l0[1]", "weight_hh_l1[1]", "weight_hh_l1[2]"])
    >>> groups_of(table)
    {'weight_hh_l*[1]': ['weight_hh_l0[1]', 'weight_hh_l1[1]']}
    """
    found: dict[tuple[object, ...], list[str]] = {}
    for name, row in table.iterrows():
        found.setdefault((_kind(str(name), row.read_as), row["rows"], row["columns"], row.group), []).append(str(name))
    several = {key: names for key, names in found.items() if len(names) > 1}
    doubled = Counter(key[0] for key in several)
    return {
        str(kind) if doubled[kind] == 1 else f"{kind} ({rows} x {columns})": names
        for (kind, rows, columns, _), names in several.items()
    }


def _kind(name: str, read_as: str) -> str:
    """What like matrices have in common; the gates of a layer have different tasks, the taps of a convolution not."""
    piece = _PIECE.match(name)
    if piece and "taps" not in read_as:
        return pattern(piece["stem"]) + piece["piece"]
    return pattern(name)


def _rows(analysed: pd.DataFrame, of_tensors: Correlations) -> Iterator[dict[str, object]]:
    for layers, names in groups_of(analysed).items():
        group = analysed.loc[names]
        shape = {"layers": layers, "matrices": len(names), "rows": group["rows"].iloc[0]}
        shape |= {"columns": group["columns"].iloc[0]}
        correlations = correlations_of(names, of_tensors)
        for statistic, of_group in _STATISTICS.items():
            found = of_group(group)
            # the statistics of square matrices are NaN for others
            if np.isfinite(found.values).all():
                yield shape | {"statistic": statistic} | _together(found, correlations, _entries(group, of_tensors))


def _entries(group: pd.DataFrame, of_tensors: Correlations) -> float:
    """How many independent entries the correlations are estimated from; infinite if they are known."""
    estimated = any(piece and piece["stem"] in of_tensors for piece in map(_PIECE.match, map(str, group.index)))
    return float((group["rows"].iloc[0] - 1) * (group["columns"].iloc[0] - 1)) if estimated else np.inf


@dataclass(frozen=True)
class _Statistic:
    """One statistic of like matrices.

    Args:
        values: (matrices,), on a scale where they are nearly normal; zero in the mean for independent entries.
        z: (matrices,), the same in standard deviations for independent entries; NaN where these are not known.
        variance: of a value; NaN where it is not known.
        back: from the scale of the values to the one that is shown.
        degree: in the entries.
    """

    values: Array
    z: Array
    variance: float
    back: Callable[[float], float]
    degree: int = 2

    @classmethod
    def of(cls, values: Array, variance: float, back: Callable[[float], float], degree: int = 2) -> _Statistic:
        return cls(values, values / np.sqrt(variance), variance, back, degree)


def _self_connections(group: pd.DataFrame) -> _Statistic:
    return _Statistic.of(group.z_trace.to_numpy(dtype=float), 1.0, float, degree=1)


def _symmetry(group: pd.DataFrame) -> _Statistic:
    size = int(group["rows"].iloc[0])
    mean, variance = _of_logarithm(size * (size - 3) / 2, (size - 1) * (size - 2) / 2)
    values = np.log(group.symmetric_to_antisymmetric.to_numpy(dtype=float)) - mean
    if _is_product(group):
        return _Statistic(values, group.z_symmetry.to_numpy(dtype=float), np.nan, np.exp)
    return _Statistic.of(values, variance, np.exp)


def _row_column(group: pd.DataFrame) -> _Statistic:
    variance = 1 / (int(group["rows"].iloc[0]) - 3)
    return _Statistic.of(np.arctanh(group.row_column_correlation.to_numpy(dtype=float)), variance, np.tanh)


def _hubs(kind: str) -> Callable[[pd.DataFrame], _Statistic]:
    def of_group(group: pd.DataFrame) -> _Statistic:
        rows, columns = int(group["rows"].iloc[0]), int(group["columns"].iloc[0])
        means = (rows if kind == "row" else columns) - 1
        mean, variance = _of_logarithm(means, (rows - 1) * (columns - 1))
        values = np.log(group[f"{kind}_hubs"].to_numpy(dtype=float)) - mean
        return _Statistic.of(values, np.nan if _is_product(group) else variance, np.exp)

    return of_group


_STATISTICS: dict[str, Callable[[pd.DataFrame], _Statistic]] = {
    "self-connections": _self_connections,
    "symmetric to antisymmetric": _symmetry,
    "row-column correlation": _row_column,
    "row hubs": _hubs("row"),
    "column hubs": _hubs("column"),
}


def _is_product(group: pd.DataFrame) -> bool:
    return bool(group.read_as.str.startswith("product").all())


def _of_logarithm(first: float, second: float) -> tuple[float, float]:
    """Mean and variance of the logarithm of a ratio of mean squares with so many degrees of freedom."""
    d, e = first / 2, second / 2
    mean = digamma(d) - np.log(d) - digamma(e) + np.log(e)
    return float(mean), float(polygamma(1, d) + polygamma(1, e))


def _together(found: _Statistic, of_entries: Array, entries: float) -> dict[str, float]:
    """What the values have in common.

    Args:
        found: the values.
        of_entries: (matrices, matrices), correlations of the entries.
        entries: from which these are estimated.
    """
    n = len(found.values)
    correlations = of_entries**found.degree
    mean = float(found.values.mean())
    shared = (correlations.sum() - n) / (n * (n - 1)) * (found.variance if entries < np.inf else 0.0)
    own = float(found.values.var(ddof=1)) / n
    variance = own + max(0.0, shared)
    freedom = (n - 1) * (variance / own) ** 2 if own else np.inf  # Satterthwaite's: what is shared is known
    half = float(scipy.stats.t.isf(0.025, freedom) * np.sqrt(variance))
    z = float(found.z.sum() / np.sqrt(max(correlations.sum(), _ROUNDING * n)))
    known = entries > n - 2  # fewer entries do not tell the correlations
    ratio = _heterogeneity(found.values, correlations) / found.variance / (n - 1) if known else np.nan
    bounds = {"mean": mean, "low": mean - half, "high": mean + half}
    return {name: float(found.back(value)) for name, value in bounds.items()} | {
        "z": z,
        "p_value": float(2 * scipy.stats.t.sf(abs(z), entries)),
        "heterogeneity": ratio,
        "p_heterogeneity": _survival(ratio, n - 1, entries),
    }


def _heterogeneity(values: Array, correlations: Array) -> float:
    """The least of (v - m)^T C^-1 (v - m) over m."""
    weighted, ones = np.linalg.lstsq(correlations, np.stack([values, np.ones_like(values)], axis=1))[0].T
    return float(values @ weighted - (values @ ones) ** 2 / ones.sum())


def _survival(ratio: float, count: int, entries: float) -> float:
    """Probability of a larger ratio Q / count: Hotelling's law, chi squared for known correlations."""
    if entries == np.inf:
        return float(scipy.stats.chi2.sf(count * ratio, count))
    freedom = entries - count + 1
    return float(scipy.stats.f.sf(ratio * freedom / entries, count, freedom))
