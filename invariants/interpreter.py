"""Execute a plan on a batch of small matrices: compiled operations that work on eight matrices side by side.

Nothing is compiled per plan: the plan is turned into a table of instructions, and one compiled loop reads it. Eight
matrices lie side by side in the last axis of every register, so each operation is a loop over full vectors and the
cost of reading an instruction is shared by eight.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..simd import WIDTH, add, aligned_empty, fma, load, multiply, store, zero
from .plan import Plan

_OPERATIONS = (
    "input",
    "diagonal",
    "hadamard",
    "hadamard_transposed",
    "rows",
    "columns",
    "apply",
    "apply_transposed",
    "scale_rows",
    "scale_columns",
    "product",
    "product_transposed",
    "transposed_product",
    "multiply",
    "sum",
    "dot",
    "times",
)
(
    _INPUT,
    _DIAGONAL,
    _HADAMARD,
    _HADAMARD_TRANSPOSED,
    _ROWS,
    _COLUMNS,
    _APPLY,
    _APPLY_TRANSPOSED,
    _SCALE_ROWS,
    _SCALE_COLUMNS,
    _PRODUCT,
    _PRODUCT_TRANSPOSED,
    _TRANSPOSED_PRODUCT,
    _MULTIPLY,
    _SUM,
    _DOT,
    _TIMES,
) = range(len(_OPERATIONS))


@dataclass(frozen=True, eq=False)
class Program:
    """A plan as a table of instructions over one workspace.

    Args:
        code: (steps, 7) int64: operation, place of the result, places of two operands (of an input, the matrix's
            number), rows and columns of the result, length of the index that is summed over.
        workspace: entries of the workspace; places are entries too.
        outputs: (len(graphs),) place of each graph's scalar.
    """

    code: NDArray[np.int64]
    workspace: int
    outputs: NDArray[np.int64]


@lru_cache(maxsize=64)
def assemble(plan: Plan, sizes: tuple[int, ...]) -> Program:
    """Lay out the registers of a plan at given sizes (one for each node kind).

    The place of a vector or matrix is used again once its value has been read for the last time; scalars are kept.

    >>> from .multigraph import Multigraph
    >>> from .plan import plan
    >>> assemble(plan((Multigraph([(0, 1)]),)), (4,)).workspace // 8  # a matrix, a vector, a scalar
    21
    """
    last_use = {i: number for number, step in enumerate(plan.steps) for i in step.inputs}
    free: dict[int, list[int]] = {}
    end = 0
    places: list[int] = []
    code = np.zeros((len(plan.steps), 7), dtype=np.int64)
    for number, step in enumerate(plan.steps):
        lengths = [sizes[kind] for kind in step.shape]
        entries = WIDTH * prod(lengths)
        if step.shape and free.get(entries):
            places.append(free[entries].pop())
        else:
            places.append(end)
            end += entries
        reads = [places[i] for i in step.inputs] or [step.colour]
        code[number] = (
            _OPERATIONS.index(step.operation),
            places[number],
            *[*reads, 0][:2],
            *[*lengths, 1, 1][:2],
            _summed_length(plan, number, sizes),
        )
        for i in set(step.inputs):
            if last_use[i] == number and plan.steps[i].shape:
                free.setdefault(WIDTH * prod(sizes[kind] for kind in plan.steps[i].shape), []).append(places[i])
    return Program(code, end, np.array([places[step] for step in plan.outputs], dtype=np.int64))


def _summed_length(plan: Plan, number: int, sizes: tuple[int, ...]) -> int:
    """Length of the index that a step sums over, 1 if there is none."""
    step = plan.steps[number]
    if step.operation in ("sum", "dot", "apply", "apply_transposed"):
        return sizes[plan.steps[step.inputs[-1]].shape[0]]
    if step.operation in ("rows", "product", "product_transposed"):
        return sizes[plan.steps[step.inputs[0]].shape[1]]
    if step.operation in ("columns", "transposed_product"):
        return sizes[plan.steps[step.inputs[0]].shape[0]]
    return 1


def run(program: Program, matrices: NDArray[np.float64], results: NDArray[np.float64]) -> None:
    """Evaluate a program on matrices (n, colours, rows, columns), C-contiguous, into results (n, len(graphs))."""
    _run(program.code, program.outputs, aligned_empty(program.workspace), matrices, results)


@njit(cache=True, nogil=True, error_model="numpy")
def _run(code, outputs, w, matrices, results):  # type: ignore[no-untyped-def] # pragma: no cover
    n = len(matrices)
    for start in range(0, n, WIDTH):
        lanes = min(WIDTH, n - start)
        for step in range(len(code)):
            operation, out, a, b, rows, columns, summed = code[step]
            if operation == _DOT:
                _dot(w, out, a, b, summed)
            elif operation == _TIMES:
                store(w, out, multiply(load(w, a), load(w, b)))
            elif operation == _SUM:
                _weighted_rows(w, out, a, 1, summed, 0, 1)
            elif operation == _APPLY:
                _apply(w, out, a, b, rows, summed, summed, 1)
            elif operation == _APPLY_TRANSPOSED:
                _apply(w, out, a, b, rows, summed, 1, rows)
            elif operation == _ROWS:
                _weighted_rows(w, out, a, rows, summed, summed, 1)
            elif operation == _COLUMNS:
                _weighted_rows(w, out, a, rows, summed, 1, rows)
            elif operation == _HADAMARD:
                _hadamard(w, out, a, b, 1, rows * columns, 0, 1)
            elif operation == _MULTIPLY:
                _hadamard(w, out, a, b, 1, rows, 0, 1)
            elif operation == _HADAMARD_TRANSPOSED:
                _hadamard(w, out, a, b, rows, columns, 1, rows)
            elif operation == _SCALE_ROWS:
                _hadamard(w, out, a, b, rows, columns, 1, 0)
            elif operation == _SCALE_COLUMNS:
                _hadamard(w, out, a, b, rows, columns, 0, 1)
            elif operation == _DIAGONAL:
                for i in range(rows):
                    store(w, out + i * WIDTH, load(w, a + i * (rows + 1) * WIDTH))
            elif operation == _PRODUCT:
                _product(w, out, a, b, rows, columns, summed, summed, 1, columns, 1)
            elif operation == _PRODUCT_TRANSPOSED:
                _product(w, out, a, b, rows, columns, summed, summed, 1, 1, summed)
            elif operation == _TRANSPOSED_PRODUCT:
                _product(w, out, a, b, rows, columns, summed, 1, rows, columns, 1)
            else:
                _input(w, out, matrices[start : start + lanes, a], rows, columns)
        for lane in range(lanes):
            for graph in range(len(outputs)):
                results[start + lane, graph] = w[outputs[graph] + lane]


@njit(cache=True, nogil=True, error_model="numpy")
def _input(w, out, matrices, rows, columns):  # type: ignore[no-untyped-def] # pragma: no cover
    """Lay matrices side by side; lanes without one are zero, so that they cost no slow arithmetic."""
    if len(matrices) < WIDTH:
        w[out : out + rows * columns * WIDTH] = 0.0
    for lane in range(len(matrices)):
        place = out + lane
        for i in range(rows):
            for j in range(columns):
                w[place] = matrices[lane, i, j]
                place += WIDTH


# Strides and lengths below count vectors: the entry (i, j) of an operand stands at place + (i * si + j * sj) * WIDTH.


@njit(cache=True, nogil=True, error_model="numpy")
def _dot(w, out, a, b, length):  # type: ignore[no-untyped-def] # pragma: no cover
    # two sums, so that additions need not wait for each other
    even, odd = zero(), zero()
    for j in range(0, length - 1, 2):
        even = fma(load(w, a + j * WIDTH), load(w, b + j * WIDTH), even)
        odd = fma(load(w, a + (j + 1) * WIDTH), load(w, b + (j + 1) * WIDTH), odd)
    if length % 2:
        even = fma(load(w, a + (length - 1) * WIDTH), load(w, b + (length - 1) * WIDTH), even)
    store(w, out, add(even, odd))


@njit(cache=True, nogil=True, error_model="numpy")
def _weighted_rows(w, out, a, rows, summed, si, sj):  # type: ignore[no-untyped-def] # pragma: no cover
    """sum_j A_ij."""
    for i in range(rows):
        place = a + i * si * WIDTH
        total = zero()
        for _ in range(summed):
            total = add(total, load(w, place))
            place += sj * WIDTH
        store(w, out + i * WIDTH, total)


@njit(cache=True, nogil=True, error_model="numpy")
def _apply(w, out, a, x, rows, summed, si, sj):  # type: ignore[no-untyped-def] # pragma: no cover
    """sum_j A_ij x_j."""
    for i in range(rows):
        place = a + i * si * WIDTH
        total = zero()
        for j in range(summed):
            total = fma(load(w, place), load(w, x + j * WIDTH), total)
            place += sj * WIDTH
        store(w, out + i * WIDTH, total)


@njit(cache=True, nogil=True, error_model="numpy")
def _hadamard(w, out, a, b, rows, columns, si, sj):  # type: ignore[no-untyped-def] # pragma: no cover
    """A_ij B_ij, with the strides of B."""
    place = 0
    for i in range(rows):
        other = b + i * si * WIDTH
        for _ in range(columns):
            store(w, out + place, multiply(load(w, a + place), load(w, other)))
            place += WIDTH
            other += sj * WIDTH


@njit(cache=True, nogil=True, error_model="numpy")
def _product(w, out, a, b, rows, columns, summed, ai, aj, bj, bk):  # type: ignore[no-untyped-def] # pragma: no cover
    """sum_j A_ij B_jk, four columns at a time: their sums stay in registers, and A_ij is read once for the four."""
    for i in range(rows):
        for k in range(0, columns - columns % 4, 4):
            left, right = a + i * ai * WIDTH, b + k * bk * WIDTH
            s0, s1, s2, s3 = zero(), zero(), zero(), zero()
            for _ in range(summed):
                x = load(w, left)
                s0 = fma(x, load(w, right), s0)
                s1 = fma(x, load(w, right + bk * WIDTH), s1)
                s2 = fma(x, load(w, right + 2 * bk * WIDTH), s2)
                s3 = fma(x, load(w, right + 3 * bk * WIDTH), s3)
                left += aj * WIDTH
                right += bj * WIDTH
            place = out + (i * columns + k) * WIDTH
            store(w, place, s0)
            store(w, place + WIDTH, s1)
            store(w, place + 2 * WIDTH, s2)
            store(w, place + 3 * WIDTH, s3)
        for k in range(columns - columns % 4, columns):
            left, right = a + i * ai * WIDTH, b + k * bk * WIDTH
            total = zero()
            for _ in range(summed):
                total = fma(load(w, left), load(w, right), total)
                left += aj * WIDTH
                right += bj * WIDTH
            store(w, out + (i * columns + k) * WIDTH, total)
