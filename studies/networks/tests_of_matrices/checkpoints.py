"""Two checkpoints of one network: the change of each matrix, that of its law, and tests of the change itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import scipy.stats
from numpy.typing import NDArray

from ....fitting import wasserstein_distance
from ...notation.number_format import counted, listed, number
from ...user_data.formats.stored_array import FileRefused
from ..reading.options import ReadingOptions
from ..reading.plan import Plan, as_rectangular, matrices_of, matrix_reader, plan_of
from ..reading.tensors import Network, tensors
from .analysis import analysed, law_of, structure

Array = NDArray[np.float64]

_GROUPS = 10
_TOLD = ("z_trace", "symmetric_to_antisymmetric", "row_hubs", "column_hubs")


def are_checkpoints(first: Network, second: Network) -> bool:
    """Whether two files are of one network at two times: some tensors have the same name and shape in both.

    >>> are_checkpoints({"w": np.ones((4, 4))}, {"w": np.zeros((4, 4)), "b": np.ones(4)})
    True
    """
    shapes = [{name: stored.shape for name, stored in tensors(network).items()} for network in (first, second)]
    return any(shapes[1].get(name) == shape for name, shape in shapes[0].items())


def compare_networks(
    before: Network,
    after: Network,
    *,
    split: Mapping[str, int] | None = None,
    products: Sequence[str] = (),
    heads: int | None = None,
    group: Mapping[str, str] | None = None,
    replicates: int = 999,
    seed: int = 0,
    advance: Callable[[str], None] = lambda name: None,
) -> pd.DataFrame:
    """Compare two checkpoints of one network matrix by matrix: two times of a training, or a fine-tuning.

    Args:
        before: as the network in `analyse_network`.
        after: the same network later.
        split: as in `analyse_network`.
        products: as in `analyse_network`.
        heads: as in `analyse_network`.
        group: as in `analyse_network`.
        replicates: as in `analyse_network`.
        seed: as in `analyse_network`.
        advance: as in `analyse_network`.

    Returns:
        A row a matrix of both, index `matrix`: relative_change, the norm of the change over that of the matrix before;
        cosine between the change and the matrix before; distance of the fitted laws given the trivial components
        (Wasserstein, an entry, in units of the standard deviation before) with its 95% interval low to high, a
        jackknife over groups of units; z_trace, symmetric_to_antisymmetric, row_hubs and column_hubs before and after
        (`..._before`, `..._after`); of the change itself the columns of `analyse_matrix`, and structure, what it shows;
        note (why something is missing). `attrs["passed_over"]` has what is not in both or is no matrix.

    Raises:
        ValueError: as `analyse_network`; or no matrix is in both.

    >>> rng = np.random.default_rng(0)
    >>> before = {"moved": rng.normal(size=(40, 40)), "still": rng.normal(size=(40, 40))}
    >>> after = before | {"moved": before["moved"] + 0.1 * rng.normal(size=(40, 40)) - 0.2 * np.eye(40)}
    >>> table = compare_networks(before, after, replicates=199)
    >>> table.structure["moved"], table.relative_change.round(1).tolist()
    ('negative self-connections', [0.1, 0.0])
    """
    options = ReadingOptions(split or {}, products, heads, group or {})
    plans = [plan_of(network, options) for network in (before, after)]
    return compare_plans(plans[0], plans[1], replicates=replicates, seed=seed, advance=advance)


def compare_plans(
    before: Plan,
    after: Plan,
    *,
    replicates: int = 999,
    seed: int = 0,
    advance: Callable[[str], None] = lambda name: None,
) -> pd.DataFrame:
    """`compare_networks`, of networks whose tensors have been sorted by `plan_of`.

    >>> plan = plan_of({"w": np.random.default_rng(0).normal(size=(8, 9))})
    >>> compare_plans(plan, plan).note["w"]
    'unchanged'
    """
    passed_over = before.passed_over | after.passed_over
    rows: dict[str, dict[str, Any]] = {}
    matrix_before = matrix_reader(before)
    for name, new, why in matrices_of(after, passed_over, names=_common(before, after, passed_over)):
        advance(name)
        try:
            old = matrix_before(name)
        except FileRefused as error:
            passed_over[name] = f"before: {error}"
            continue
        rectangular = as_rectangular(before, name, old.shape)
        rows[name] = _compared(old, new, rectangular, replicates, seed) | {"read_as": why}
    if not rows:
        raise ValueError("checkpoints must have a matrix of the same name and shape in common, got none")
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("matrix")
    if "p_trace" in table:
        table["structure"] = structure(table)
    else:
        table["structure"] = ""
    table.attrs["passed_over"] = passed_over
    return table


def _common(before: Plan, after: Plan, passed_over: dict[str, str]) -> set[str]:
    shapes = [plan.matrices | {product.name: (0, 0) for product in plan.products} for plan in (before, after)]
    for name in shapes[0].keys() ^ shapes[1].keys():
        passed_over[name] = f"only in the checkpoint {'before' if name in shapes[0] else 'after'}"
    both = shapes[0].keys() & shapes[1].keys()
    for name in both:
        if shapes[0][name] != shapes[1][name]:
            passed_over[name] = f"of shape {shapes[0][name]} before and {shapes[1][name]} after"
    return {name for name in both if shapes[0][name] == shapes[1][name]}


def _compared(old: NDArray[Any], new: NDArray[Any], rectangular: bool, replicates: int, seed: int) -> dict[str, Any]:
    first, second = (np.asarray(matrix, dtype=np.float64) for matrix in (old, new))
    change = second - first
    shape = {"rows": change.shape[0], "columns": change.shape[1]}
    if not np.isfinite(change).all():
        return shape | {"note": "matrices must be finite"}
    norm, moved = float(np.linalg.norm(first)), float(np.linalg.norm(change))
    if not moved:
        return shape | {"relative_change": 0.0, "distance": 0.0, "low": 0.0, "high": 0.0, "note": "unchanged"}
    found = analysed(change, rectangular, replicates, seed)
    measured = {
        "relative_change": moved / norm if norm else np.inf,
        "cosine": float(np.vdot(first, change)) / (norm * moved) if norm else np.nan,
    }
    for when, matrix in (("before", first), ("after", second)):
        told = analysed(matrix, rectangular, 0, seed)
        measured |= {f"{name}_{when}": told.get(name, np.nan) for name in _TOLD}
    return found | measured | _distance(first, second, rectangular)


def _distance(first: Array, second: Array, rectangular: bool) -> dict[str, float]:
    """Distance of the laws an entry, and its interval by a jackknife that leaves out a tenth of the units in turn."""
    try:
        whole = _wasserstein(first, second, rectangular)
        groups = min(_GROUPS, *(length // 4 for length in first.shape))
        if groups < 2:
            return {"distance": whole, "low": np.nan, "high": np.nan}
        left = []
        for k in range(groups):
            rows, columns = (np.arange(length) % groups != k for length in first.shape)
            part = np.ix_(rows, columns)
            left.append(_wasserstein(first[part], second[part], rectangular))
    except ValueError:  # a block of one of the laws is singular
        return dict.fromkeys(("distance", "low", "high"), np.nan)
    error = np.sqrt((groups - 1) * np.var(left))
    half = float(scipy.stats.t.isf(0.025, groups - 1) * error)
    return {"distance": whole, "low": max(0.0, whole - half), "high": whole + half}


def _wasserstein(first: Array, second: Array, rectangular: bool) -> float:
    laws = [law_of(matrix, rectangular) for matrix in (first, second)]
    return float(wasserstein_distance(laws[0], laws[1]) / np.sqrt(first.size) / first.std())


def change_sentences(table: pd.DataFrame) -> list[str]:
    """Say in three sentences which matrices moved, and how.

    Args:
        table: as `compare_networks` returns it.

    Returns:
        Sentences.

    >>> change_sentences(pd.DataFrame({"relative_change": [0.0], "note": ["unchanged"], "structure": [""],
    ...     "distance": [0.0], "low": [0.0], "high": [0.0]}, index=["w"]))
    ['None of 1 matrix moved.']
    """
    every = counted(len(table), "matrix")
    moved = table[table.relative_change.astype(float) > 0].sort_values("relative_change", ascending=False)
    if not len(moved):
        return [f"None of {every} moved."]
    top = moved.iloc[0]
    sentences = [
        f"{len(moved)} of {every} moved. {moved.index[0]} moved most, by "
        f"{number(float(top.relative_change), '.2g')} of its norm."
    ]
    laws = moved[moved.low.astype(float) > 0].sort_values("distance", ascending=False)
    if len(laws):
        far = laws.iloc[0]
        sentences.append(
            f"The law changed detectably in {len(laws)} of them, most in {laws.index[0]}: by "
            f"{number(float(far.distance), '.2g')} standard deviations an entry "
            f"({number(float(far.low), '.2g')} to {number(float(far.high), '.2g')})."
        )
    else:
        sentences.append("The law changed detectably in none of them.")
    kinds = moved.structure[moved.structure != ""].str.split(", ").explode().value_counts()
    if len(kinds):
        sentences.append(
            f"The changes themselves show {listed([f'{kind} ({count})' for kind, count in kinds.items()])}."
        )
    else:
        sentences.append("The changes themselves show nothing beyond independent rows and columns.")
    return sentences
