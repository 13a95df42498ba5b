"""Analyse every matrix of one network: tensors -> matrices -> tests -> one table with the structure of each matrix."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import scipy.stats
from numpy.typing import NDArray

from ...fitting import BlockGaussian, MatrixSpace, RectangularSpace, analyse_matrix
from ..analysis.verdicts import LEVEL, holm
from ..user_data.formats.stored_array import FileRefused, StoredArray
from .options import ReadingOptions
from .pieces import Reading, Shape, piece_shapes, pieces, possibly_tied, reading_of
from .products import Product, adapter_factors, multiplied, products_of
from .taps import tap_correlations
from .tensors import Network, loaded, tensors

_LEAST = 4
RECOGNISED = ReadingOptions()


@dataclass(frozen=True)
class Plan:
    """What of a network is analysed and how each tensor is read, before any entries are.

    Args:
        tensors: by name.
        readings: of those that hold matrices.
        matrices: shapes of the matrices, by name.
        tensor_of: the tensor of each matrix.
        products: to be analysed beside the matrices.
        options: what the user said.
        passed_over: tensors and matrices that are not analysed, and why.
    """

    tensors: dict[str, StoredArray]
    readings: dict[str, Reading]
    matrices: dict[str, Shape]
    tensor_of: dict[str, str]
    products: list[Product]
    options: ReadingOptions
    passed_over: dict[str, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Number of matrices and products."""
        return len(self.matrices) + len(self.products)


def plan_of(network: Network, options: ReadingOptions = RECOGNISED) -> Plan:
    """Decide how the tensors of a network are read; only names and shapes are looked at.

    Args:
        network: as in `analyse_network`.
        options: what the user says about it.

    Returns:
        The plan.

    Raises:
        ValueError: a file cannot be read, or an option does not fit.

    >>> plan = plan_of({"gates": np.ones((40, 10)), "bias": np.ones(40)}, ReadingOptions(split={"gates": 4}))
    >>> plan.count, plan.passed_over
    (4, {'bias': '1 axis: a vector'})
    """
    stored = tensors(network)
    _check_patterns("split", options.split, stored)
    shapes = {name: tensor.shape for name, tensor in stored.items()}
    readings: dict[str, Reading] = {}
    passed_over: dict[str, str] = {}
    for name in shapes:
        reading = reading_of(name, shapes, options.split)
        if isinstance(reading, str):
            passed_over[name] = reading
        else:
            readings[name] = reading
    of_tensors = {name: piece_shapes(name, shapes[name], reading) for name, reading in readings.items()}
    tensor_of = {piece: name for name, found in of_tensors.items() for piece in found}
    every = {piece: shape for found in of_tensors.values() for piece, shape in found.items()}
    chosen = products_of(options.products, options.heads, list(every))
    for product in chosen:
        if unknown := [factor.name for factor in product.factors if factor.name not in every]:
            raise ValueError(f"product {product.text!r} names {unknown[0]!r}, which is no matrix of the network")
    for a, b in adapter_factors(every).items():
        passed_over |= dict.fromkeys((a, b), "factor of a low-rank adapter, analysed as their product")
    for piece, shape in every.items():
        if min(shape) < _LEAST and piece not in passed_over:
            passed_over[piece] = f"shape {shape}: fewer than {_LEAST} rows or columns"
    matrices = {piece: shape for piece, shape in every.items() if piece not in passed_over}
    _check_patterns("group", options.group, [*every, *(product.name for product in chosen)])
    plan = Plan(stored, readings, matrices, tensor_of, chosen, options, passed_over)
    for name, shape in matrices.items():
        as_rectangular(plan, name, shape)
    return plan


def _check_patterns(option: str, patterns: Iterable[str], names: Collection[str]) -> None:
    """Raise ValueError for a pattern that fits no name: it has a slip of the pen."""
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise ValueError(
                f"{option} {pattern!r} must match a name in the network, got none of {len(names)} that does"
            )


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
            f"network must hold a matrix of at least {_LEAST} rows and columns that varies, got {listed or 'nothing'}"
        )
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("matrix")
    table["structure"] = structure(table)
    table.attrs |= {"passed_over": passed_over, "taps": taps}
    return table


def matrices_of(
    plan: Plan,
    passed_over: dict[str, str],
    names: Collection[str] | None = None,
    taps: dict[str, tuple[tuple[float, ...], ...]] | None = None,
) -> Iterator[tuple[str, NDArray[Any], str]]:
    """Read the matrices and products of a network one after the other.

    Args:
        plan: of the network.
        passed_over: receives the names of tensors that are no matrices of weights, and why.
        names: of the matrices and products that are wanted (default: all).
        taps: receives the correlations between the taps of each convolution.

    Yields:
        Name, entries, and how the matrix is read.

    >>> [(name, matrix.shape) for name, matrix, _ in matrices_of(plan_of({"w": np.ones((4, 5))}), {})]
    [('w', (4, 5))]
    """
    tied = possibly_tied({name: tensor.shape for name, tensor in plan.tensors.items()})
    for name, reading in plan.readings.items():
        wanted = [
            piece
            for piece in piece_shapes(name, plan.tensors[name].shape, reading)
            if piece in plan.matrices and (names is None or piece in names)
        ]
        if not wanted:
            continue
        try:
            tensor = loaded(plan.tensors[name])
            if name in tied and np.array_equal(tensor, loaded(plan.tensors[tied[name]])):
                passed_over[name] = f"tied: the same as {tied[name]}"
                continue
        except FileRefused as error:
            passed_over[name] = str(error)
            continue
        if taps is not None and len(wanted) > 1 and tensor.ndim > 2:
            taps[name] = tap_correlations(tensor)
        for piece, matrix in pieces(name, tensor, reading):
            if piece in wanted:
                yield piece, matrix, reading.why
    matrix_of = matrix_reader(plan)
    for product in plan.products:
        if names is not None and product.name not in names:
            continue
        try:
            yield product.name, matrix_of(product.name), product.why
        except FileRefused as error:
            passed_over[product.name] = str(error)


def matrix_reader(plan: Plan) -> Callable[[str], NDArray[Any]]:
    """Make a function that reads a matrix or product by its name; it keeps the two tensors that it read last.

    Pieces of one tensor, and heads of one product, that are asked for one after the other thus cost one reading.

    Args:
        plan: of the network.

    Returns:
        The function.

    >>> matrix_reader(plan_of({"gates": np.ones((40, 10))}, ReadingOptions(split={"gates": 4})))("gates[3]").shape
    (10, 10)
    """
    tensor = lru_cache(maxsize=2)(lambda name: loaded(plan.tensors[name]))
    products = {product.name: product for product in plan.products}

    def piece(name: str) -> NDArray[Any]:
        own = plan.tensor_of[name]
        return dict(pieces(own, tensor(own), plan.readings[own]))[name]

    return lambda name: multiplied(products[name], piece) if name in products else piece(name)


def as_rectangular(plan: Plan, name: str, shape: Shape) -> bool:
    """Tell whether a matrix is analysed as a rectangular one.

    Args:
        plan: of the network.
        name: of the matrix or product.
        shape: of it.

    Returns:
        True for independent permutations of rows and columns.

    Raises:
        ValueError: an option asks for the group of square matrices, and the matrix is none.

    >>> as_rectangular(plan_of({"w": np.ones((5, 5))}, ReadingOptions(group={"w": "rectangular"})), "w", (5, 5))
    True
    """
    for pattern, group in plan.options.group.items():
        if fnmatchcase(name, pattern):
            if group == "square" and shape[0] != shape[1]:
                raise ValueError(f"group {pattern}=square must hold for square matrices, got {name} of shape {shape}")
            return group == "rectangular"
    return shape[0] != shape[1]


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
