"""The plan of an analysis: which matrices a network has, and how each is read from the file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...user_data.formats.stored_array import FileRefused, StoredArray
from .options import ReadingOptions
from .pieces import Reading, Shape, piece_shapes, pieces, possibly_tied, reading_of
from .products import Product, adapter_factors, multiplied, products_of
from .taps import tap_correlations
from .tensors import Network, loaded, tensors

#: Fewest rows and columns of a matrix that is analysed.
LEAST = 4
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
        if min(shape) < LEAST and piece not in passed_over:
            passed_over[piece] = f"shape {shape}: fewer than {LEAST} rows or columns"
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
