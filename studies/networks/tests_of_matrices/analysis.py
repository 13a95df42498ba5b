"""Analyse every matrix of one network: tensors -> matrices -> tests -> one table with the structure of each matrix."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import scipy.stats
from numpy.typing import NDArray

from ....fitting import BlockGaussian, MatrixSpace, RectangularSpace, analyse_matrix
from ...analysis.verdicts import LEVEL, holm
from ..reading.options import ReadingOptions
from ..reading.plan import LEAST, Plan, as_rectangular, matrices_of, plan_of
from ..reading.tensors import Network


def analyse_network(
    network: Network,
    *,
    split: Mapping[str, int] | None = None,
    products: Sequence[str] = (),
    heads: int | None = None,
    group: Mapping[str, str] | None = None,
    replicates: int = 999,
    seed: int = 0,
    advance: Callable[[str], None] = lambda name: None,
) -> pd.DataFrame:
    """Test every matrix of one trained network for structure beyond independent rows and columns.

    Gates of PyTorch's RNN, LSTM and GRU, packed query-key-value projections and the taps of convolutions are split by
    themselves; low-rank adapters in peft's names are analysed as the product B A. Vectors, matrices with fewer than 4
    rows or columns, integers, and an output matrix that is the embedding over again are left out.

    Args:
        network: a file (.safetensors, .pt with tensors only, .npz, ...), an index or a folder of shards, several of
            these, a state dict, or a mapping from names to arrays. One tensor of a file is in memory at a time.
        split: number of equal blocks of rows, by the pattern of tensor names that it holds for.
        products: such as "key.weight^T query.weight", analysed beside the matrices; a star stands for the same text in
            all factors, "layers.*.key.weight^T layers.*.query.weight".
        heads: cut the units that the two factors of each product share into so many heads, a product for each; factors
            with fewer units (grouped heads) serve several.
        group: "square" or "rectangular", by the pattern of names of matrices or products: whether rows and columns of a
            square matrix are the same units. By default they are.
        replicates: for each matrix, at most; see `analyse_matrix`.
        seed: of the permutations.
        advance: called with the name of each matrix before it is analysed.

    Returns:
        A row a matrix, index `matrix`, with the columns of `analyse_matrix`, read_as (how the tensor was read),
        structure (what departs from independent rows and columns, by Holm's procedure over all matrices and tests), and
        note (why a matrix could not be analysed). `attrs["passed_over"]` has the tensors that are no matrices, and why;
        `attrs["taps"]` the correlations between the taps of each convolution.

    Raises:
        ValueError: a file cannot be read, an option does not fit, or there is no matrix.

    >>> rng = np.random.default_rng(0)
    >>> weights = {"weight_ih_l0": rng.normal(size=(96, 5)), "weight_hh_l0": rng.normal(size=(96, 32))}
    >>> weights["weight_hh_l0"][64:] -= np.eye(32)
    >>> table = analyse_network(weights, replicates=99)
    >>> table.structure["weight_hh_l0[2]"]
    'negative self-connections'
    """
    plan = plan_of(network, ReadingOptions(split or {}, products, heads, group or {}))
    return analyse_plan(plan, replicates=replicates, seed=seed, advance=advance)


def analyse_plan(
    plan: Plan, *, replicates: int = 999, seed: int = 0, advance: Callable[[str], None] = lambda name: None
) -> pd.DataFrame:
    """`analyse_network`, of a network whose tensors have been sorted by `plan_of`.

    >>> plan = plan_of({"w": np.random.default_rng(0).normal(size=(8, 9))})
    >>> list(analyse_plan(plan, replicates=0).index)
    ['w']
    """
    rows: dict[str, dict[str, Any]] = {}
    passed_over = dict(plan.passed_over)
    taps: dict[str, tuple[tuple[float, ...], ...]] = {}
    for name, matrix, why in matrices_of(plan, passed_over, taps=taps):
        advance(name)
        rectangular = as_rectangular(plan, name, matrix.shape)
        rows[name] = analysed(matrix, rectangular, replicates, seed) | {"read_as": why}
    if all(row["note"] for row in rows.values()):
        reasons = passed_over | {name: row["note"] for name, row in rows.items()}
        listed = "; ".join(f"{name}: {reason}" for name, reason in list(reasons.items())[:20])
        raise ValueError(
            f"network must hold a matrix of at least {LEAST} rows and columns that varies, got {listed or 'nothing'}"
        )
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("matrix")
    table["structure"] = structure(table)
    table.attrs |= {"passed_over": passed_over, "taps": taps}
    return table


def structure(table: pd.DataFrame) -> pd.Series[str]:
    """Say in words how each matrix departs from independent rows and columns.

    All p-values of all matrices are one family (Holm). They assume Gaussian entries, so a test counts only if its
    randomisation, where there is one, confirms it at 5%: heavy tails alone are then no structure. The entries of a
    product are not independent even if those of its factors are. So the symmetry of products is judged against
    permuted columns, and their likelihood ratio and hubs are not judged.

    Args:
        table: a row a matrix, with the columns of `analyse_matrix` and read_as.

    Returns:
        By matrix; empty where nothing departs.
    """
    tests = ("p_trace", "p_symmetry", "p_row_column", "p_value", "p_row_hubs", "p_column_hubs")
    p = table.reindex(columns=list(tests)).astype(float)
    p.loc[table.group != "S_N", "p_value"] = np.nan  # of a rectangular matrix it is that of the hubs
    products = table.read_as.str.startswith("product")
    if products.any():
        z = table.z_symmetry[products].astype(float).abs()
        p.loc[products, "p_symmetry"] = 2 * scipy.stats.t.sf(z, table.replicates[products].astype(float) - 1)
        p.loc[products, ["p_value", "p_row_hubs", "p_column_hubs"]] = np.nan
    departs = holm(p.to_numpy().ravel()).reshape(p.shape)
    for k, test in enumerate(tests):
        confirmed = table["p_randomisation" if test == "p_value" else f"{test}_randomisation"].astype(float)
        departs[:, k] &= (confirmed.isna() | (confirmed <= LEVEL)).to_numpy()
    found = pd.DataFrame(departs, index=table.index, columns=list(tests))
    return pd.Series([_words(table.loc[name], found.loc[name]) for name in table.index], table.index, dtype=object)


def _words(row: pd.Series, departs: pd.Series) -> str:
    said = []
    if departs.p_trace:
        said.append("negative self-connections" if row.z_trace < 0 else "positive self-connections")
    if departs.p_symmetry:
        said.append("excess of symmetry" if row.symmetric_to_antisymmetric > 1 else "excess of antisymmetry")
    if departs.p_row_column or (departs.p_value and not departs.p_symmetry):
        said.append("rows and columns of a unit related")
    for hubs in ("row", "column"):
        if departs[f"p_{hubs}_hubs"]:
            said.append(f"hub {hubs}s")
    return ", ".join(said)


def analysed(matrix: NDArray[Any], rectangular: bool, replicates: int, seed: int) -> dict[str, Any]:
    """Analyse one matrix; if it has no statistics, a note says why.

    Args:
        matrix: (rows, columns).
        rectangular: whether rows and columns are different units.
        replicates: as in `analyse_matrix`.
        seed: as in `analyse_matrix`.

    Returns:
        The statistics of `analyse_matrix` and an empty note, or the shape and a note.

    >>> analysed(np.ones((4, 5)), True, 0, 0)["note"]
    'matrix must vary, got (4, 5) entries that are all 1'
    """
    rows, columns = matrix.shape
    try:
        found = analyse_matrix(matrix, space=_space(matrix, rectangular), replicates=replicates, seed=seed)
        return {str(name): value for name, value in found.items()} | {"note": ""}
    except ValueError as error:
        return {"rows": rows, "columns": columns, "note": str(error)}


def law_of(matrix: NDArray[np.floating], rectangular: bool) -> BlockGaussian:
    """Fit the law of one matrix given its trivial components.

    Args:
        matrix: (rows, columns).
        rectangular: whether rows and columns are different units.

    Returns:
        The model.

    Raises:
        ValueError: the matrix does not vary in an irrep.

    >>> law_of(np.random.default_rng(0).normal(size=(8, 8)), rectangular=True).unknown
    ('G00',)
    """
    return BlockGaussian.fit(matrix[None], _space(matrix, rectangular), given_trivial=True)


def _space(matrix: NDArray[Any], rectangular: bool) -> MatrixSpace | None:
    """None is the space that the shape has by itself."""
    return RectangularSpace(*matrix.shape) if rectangular else None
