"""Analyse every matrix of one network: tensors -> matrices -> tests -> one table, and what each matrix shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...fitting import analyse_matrix
from ...training.store.limits import check_size
from ..analysis.verdicts import LEVEL, holm
from ..user_data.formats.stored_array import StoredArray
from ..user_data.read import stored_arrays
from .pieces import Reading, expanded, factors, multiplied, pieces, reading_of

Network = str | PathLike[str] | Sequence[str | PathLike[str]] | Mapping[str, Any]

_LEAST = 4


def analyse_network(
    network: Network,
    *,
    split: Mapping[str, int] | None = None,
    products: Sequence[str] = (),
    randomisations: int = 999,
    seed: int = 0,
    advance: Callable[[str], None] = lambda name: None,
) -> pd.DataFrame:
    """Test every matrix of one trained network for structure beyond independent rows and columns.

    Gates of PyTorch's RNN, LSTM and GRU, packed query-key-value projections and the taps of convolutions are split by
    themselves. Vectors, and matrices with fewer than 4 rows or columns, are left out.

    Args:
        network: a file (.safetensors, .pt with tensors only, .npz, ...), several files, a state dict, or a mapping from
            names to arrays.
        split: number of equal blocks of rows, by the pattern of tensor names that it holds for.
        products: such as "key.weight^T query.weight", analysed beside the matrices; a star stands for the same text in
            all factors, "layers.*.key.weight^T layers.*.query.weight".
        randomisations: for each matrix; see `analyse_matrix`.
        seed: of the permutations.
        advance: called with the name of each matrix before it is analysed.

    Returns:
        A row a matrix, index `matrix`, with the columns of `analyse_matrix`, read_as (how the tensor was read),
        structure (what departs from independent rows and columns, by Holm's procedure over all matrices and tests), and
        note (why a matrix could not be analysed). `attrs["passed_over"]` has the tensors that are no matrices.

    Raises:
        ValueError: a file cannot be read, an option does not fit, or there is no matrix.

    >>> rng = np.random.default_rng(0)
    >>> weights = {"weight_ih_l0": rng.normal(size=(96, 5)), "weight_hh_l0": rng.normal(size=(96, 32))}
    >>> weights["weight_hh_l0"][64:] -= np.eye(32)
    >>> table = analyse_network(weights, randomisations=99)
    >>> table.structure["weight_hh_l0[2]"]
    'negative self-connections'
    """
    rows: dict[str, dict[str, Any]] = {}
    passed_over: dict[str, str] = {}
    names = _names(network, split or {})
    products = [one for product in products for one in expanded(product, names)]
    wanted = {factor.name for product in products for factor in factors(product)}
    kept: dict[str, NDArray[Any]] = {}
    for name, matrix, reading in _matrices(network, split or {}, passed_over):
        if name in wanted:
            kept[name] = matrix
        if min(matrix.shape) < _LEAST:
            passed_over[name] = f"shape {matrix.shape}: fewer than {_LEAST} rows or columns"
            continue
        advance(name)
        rows[name] = _analysed(matrix, randomisations, seed) | {"read_as": reading.why}
    for product in products:
        advance(product)
        rows[product] = _analysed(multiplied(product, kept), randomisations, seed) | {"read_as": "product"}
    if not rows:
        listed = "; ".join(f"{name}: {why}" for name, why in list(passed_over.items())[:20])
        raise ValueError(f"network must hold a matrix of at least {_LEAST} rows and columns, got {listed or 'nothing'}")
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("matrix")
    table["structure"] = structure(table)
    table.attrs["passed_over"] = passed_over
    return table


def count_matrices(network: Network, split: Mapping[str, int], products: Sequence[str] = ()) -> int:
    """Number of matrices and products to analyse; only shapes are looked at.

    >>> count_matrices({"gates": np.ones((40, 10)), "bias": np.ones(40)}, {"gates": 4})
    4
    """
    names = _names(network, split)
    return len(names) + sum(len(expanded(product, names)) for product in products)


def _names(network: Network, split: Mapping[str, int]) -> list[str]:
    """Names of all matrices that the tensors are cut into."""
    shapes = {stored.name: stored.shape for stored in _tensors(network)}
    readings = {name: reading_of(name, shapes, split) for name in shapes}
    return [
        name if reading.parts == 1 else f"{name}[{k}]"
        for name, reading in readings.items()
        if isinstance(reading, Reading)
        for k in range(reading.parts)
    ]


def structure(table: pd.DataFrame) -> pd.Series[str]:
    """What each matrix shows beyond independent rows and columns, in words; empty where nothing departs.

    All p-values of all matrices are one family (Holm). They assume Gaussian entries, so a test of which a randomisation
    exists counts only if that confirms it at 5%: heavy tails alone are then no structure.

    Args:
        table: a row a matrix, with the columns of `analyse_matrix`.
    """
    tests = {
        "p_trace": "p_trace_randomisation",
        "p_symmetry": "p_randomisation",
        "p_row_column": "p_randomisation",
        "p_row_hubs": None,
        "p_column_hubs": None,
    }
    p = table.reindex(columns=list(tests)).astype(float)
    departs = holm(p.to_numpy().ravel()).reshape(p.shape)
    for k, confirmation in enumerate(tests.values()):
        if confirmation is not None:
            confirmed = table[confirmation].astype(float)
            departs[:, k] &= (confirmed.isna() | (confirmed <= LEVEL)).to_numpy()
    found = pd.DataFrame(departs, index=table.index, columns=list(tests))
    return pd.Series([_words(table.loc[name], found.loc[name]) for name in table.index], table.index, dtype=object)


def _words(row: pd.Series, departs: pd.Series) -> str:
    said = []
    if departs.p_trace:
        said.append("negative self-connections" if row.z_trace < 0 else "positive self-connections")
    if departs.p_symmetry:
        said.append("excess of symmetry" if row.symmetric_to_antisymmetric > 1 else "excess of antisymmetry")
    if departs.p_row_column:
        said.append("rows and columns of a unit related")
    for hubs in ("row", "column"):
        if departs[f"p_{hubs}_hubs"]:
            said.append(f"hub {hubs}s")
    return ", ".join(said)


def _matrices(
    network: Network, split: Mapping[str, int], passed_over: dict[str, str]
) -> Iterator[tuple[str, NDArray[Any], Reading]]:
    """The matrices one after the other: of a file, one tensor is in memory at a time."""
    shapes = {stored.name: stored.shape for stored in _tensors(network)}
    for stored in _tensors(network):
        reading = reading_of(stored.name, shapes, split)
        if isinstance(reading, str):
            passed_over[stored.name] = reading
            continue
        check_size(stored.name, stored.bytes)
        for piece, matrix in pieces(stored.name, _as_numpy(stored.name, stored.load()), reading):
            yield piece, matrix, reading


def _tensors(network: Network) -> Iterator[StoredArray]:
    if isinstance(network, Mapping):
        for name, tensor in network.items():
            yield StoredArray(name, tuple(np.shape(tensor)), 0, lambda tensor=tensor: tensor)  # type: ignore[misc]
        return
    paths = [network] if isinstance(network, str | PathLike) else list(network)
    for path in map(Path, paths):
        for stored in stored_arrays(path):
            name = stored.name or path.stem
            yield replace(stored, name=name if len(paths) == 1 else f"{path.stem}: {name}")


def _as_numpy(name: str, tensor: Any) -> NDArray[Any]:
    if hasattr(tensor, "detach"):
        tensor = tensor.detach().cpu()
        tensor = tensor.float() if tensor.is_floating_point() else tensor
    array = np.asarray(tensor)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{name} must hold real numbers, got dtype {array.dtype}")
    return array


def _analysed(matrix: NDArray[Any], randomisations: int, seed: int) -> dict[str, Any]:
    try:
        found = analyse_matrix(matrix, randomisations=randomisations, seed=seed)
        return {str(name): value for name, value in found.items()} | {"note": ""}
    except ValueError as error:
        rows, columns = matrix.shape
        return {"rows": rows, "columns": columns, "note": str(error)}
