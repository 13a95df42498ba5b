"""Execute a plan on a batch of small matrices: compiled operations that work on several matrices side by side.

Nothing is compiled per plan: the plan is turned into a table of instructions, and one compiled loop reads it. Sixteen
matrices lie side by side in the last axis of every register, so each operation is a loop of vector instructions and
the cost of reading an instruction is shared by sixteen.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .plan import Plan

LANES = 16  # matrices side by side: two 512-bit or four 256-bit vectors of float64

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
    """A plan as a table of instructions.

    Args:
        code: (steps, 6) int64: operation, register written, two registers read (of an input, the matrix's
            number), rows and columns of the result.
        inner: (steps,) int64: length of the index that the step sums over (0 if none).
        registers: how many scalar, vector and matrix registers are needed.
        outputs: (len(graphs),) scalar register of each graph.
        longest: length of the longest axis.
    """

    code: NDArray[np.int64]
    inner: NDArray[np.int64]
    registers: tuple[int, int, int]
    outputs: NDArray[np.int64]
    longest: int


@lru_cache(maxsize=64)
def assemble(plan: Plan, sizes: tuple[int, ...]) -> Program:
    """Number the registers of a plan at given sizes (one for each node kind).

    Vector and matrix registers are used again once their value has been read for the last time; scalars are kept.

    >>> from .multigraph import Multigraph
    >>> from .plan import plan
    >>> assemble(plan((Multigraph([(0, 1)]),)), (4,)).registers
    (1, 1, 1)
    """
    last_use = {i: number for number, step in enumerate(plan.steps) for i in step.inputs}
    free: dict[int, list[int]] = {1: [], 2: []}
    count = [0, 0, 0]
    register: list[int] = []
    code = np.zeros((len(plan.steps), 6), dtype=np.int64)
    inner = np.zeros(len(plan.steps), dtype=np.int64)
    for number, step in enumerate(plan.steps):
        rank = len(step.shape)
        if rank and free[rank]:
            register.append(free[rank].pop())
        else:
            register.append(count[rank])
            count[rank] += 1
        lengths = [sizes[kind] for kind in step.shape]
        reads = [register[i] for i in step.inputs] or [step.colour]
        code[number] = (
            _OPERATIONS.index(step.operation),
            register[number],
            *[*reads, 0, 0][:2],
            *[*lengths, 1, 1][:2],
        )
        summed = _summed_kind(plan, number)
        inner[number] = 0 if summed is None else sizes[summed]
        for i in set(step.inputs):
            if last_use[i] == number and plan.steps[i].shape:
                free[len(plan.steps[i].shape)].append(register[i])
    outputs = np.array([register[step] for step in plan.outputs], dtype=np.int64)
    return Program(code, inner, (count[0], count[1], count[2]), outputs, max(sizes))


def _summed_kind(plan: Plan, number: int) -> int | None:
    """Node kind of the index that a step sums over."""
    step = plan.steps[number]
    if step.operation in ("sum", "dot", "apply", "apply_transposed"):
        return plan.steps[step.inputs[-1]].shape[0]
    if step.operation in ("rows", "product", "product_transposed"):
        return plan.steps[step.inputs[0]].shape[1]
    if step.operation in ("columns", "transposed_product"):
        return plan.steps[step.inputs[0]].shape[0]
    return None


def run(program: Program, matrices: NDArray[np.float64], results: NDArray[np.float64]) -> None:
    """Evaluate a program on matrices (n, colours, rows, columns), C-contiguous, into results (n, len(graphs))."""
    scalars, vectors, full = program.registers
    longest = program.longest
    _run(
        program.code,
        program.inner,
        program.outputs,
        np.empty((scalars, LANES)),
        np.empty((max(vectors, 1), longest, LANES)),
        np.empty((full, longest, longest, LANES)),
        matrices,
        results,
    )


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _run(code, inner, outputs, s, v, m, matrices, results):  # type: ignore[no-untyped-def] # pragma: no cover
    n = len(matrices)
    for start in range(0, n, LANES):
        lanes = min(LANES, n - start)
        for step in range(len(code)):
            operation, out, a, b, rows, columns = code[step]
            summed = inner[step]
            if operation == _INPUT:
                _load(m[out], matrices[start : start + lanes, a], rows, columns)
            elif operation <= _COLUMNS:
                _from_matrix(operation, m, v, out, a, b, rows, columns, summed)
            elif operation <= _SCALE_COLUMNS:
                _matrix_and_vector(operation, m, v, out, a, b, rows, columns, summed)
            elif operation <= _TRANSPOSED_PRODUCT:
                _matrix_product(operation, m[out], m[a], m[b], rows, columns, summed)
            else:
                _vectors_and_scalars(operation, s, v, out, a, b, rows, summed)
        for lane in range(lanes):
            for graph in range(len(outputs)):
                results[start + lane, graph] = s[outputs[graph], lane]


@njit(cache=True, nogil=True, error_model="numpy")
def _load(target, matrices, rows, columns):  # type: ignore[no-untyped-def] # pragma: no cover
    """Lay matrices side by side; unused lanes are set to zero so that they cost no slow arithmetic."""
    for i in range(rows):
        for j in range(columns):
            for lane in range(LANES):
                target[i, j, lane] = matrices[lane, i, j] if lane < len(matrices) else 0.0


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _from_matrix(operation, m, v, out, a, b, rows, columns, summed):  # type: ignore[no-untyped-def] # pragma: no cover
    if operation == _DIAGONAL:
        for i in range(rows):
            for lane in range(LANES):
                v[out, i, lane] = m[a, i, i, lane]
    elif operation == _HADAMARD:
        for i in range(rows):
            for j in range(columns):
                for lane in range(LANES):
                    m[out, i, j, lane] = m[a, i, j, lane] * m[b, i, j, lane]
    elif operation == _HADAMARD_TRANSPOSED:
        for i in range(rows):
            for j in range(columns):
                for lane in range(LANES):
                    m[out, i, j, lane] = m[a, i, j, lane] * m[b, j, i, lane]
    elif operation == _ROWS:
        for i in range(rows):
            v[out, i] = 0.0
            for j in range(summed):
                for lane in range(LANES):
                    v[out, i, lane] += m[a, i, j, lane]
    else:  # columns
        for j in range(rows):
            v[out, j] = 0.0
        for i in range(summed):
            for j in range(rows):
                for lane in range(LANES):
                    v[out, j, lane] += m[a, i, j, lane]


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _matrix_and_vector(operation, m, v, out, a, b, rows, columns, summed):  # type: ignore[no-untyped-def] # pragma: no cover
    if operation == _APPLY:
        for i in range(rows):
            v[out, i] = 0.0
            for j in range(summed):
                for lane in range(LANES):
                    v[out, i, lane] += m[a, i, j, lane] * v[b, j, lane]
    elif operation == _APPLY_TRANSPOSED:
        for j in range(rows):
            v[out, j] = 0.0
        for i in range(summed):
            for j in range(rows):
                for lane in range(LANES):
                    v[out, j, lane] += m[a, i, j, lane] * v[b, i, lane]
    elif operation == _SCALE_ROWS:
        for i in range(rows):
            for j in range(columns):
                for lane in range(LANES):
                    m[out, i, j, lane] = m[a, i, j, lane] * v[b, i, lane]
    else:  # scale columns
        for i in range(rows):
            for j in range(columns):
                for lane in range(LANES):
                    m[out, i, j, lane] = m[a, i, j, lane] * v[b, j, lane]


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _matrix_product(operation, out, a, b, rows, columns, summed):  # type: ignore[no-untyped-def] # pragma: no cover
    for i in range(rows):
        for k in range(columns):
            out[i, k] = 0.0
        for j in range(summed):
            for k in range(columns):
                if operation == _PRODUCT:
                    left, right = a[i, j], b[j, k]
                elif operation == _PRODUCT_TRANSPOSED:
                    left, right = a[i, j], b[k, j]
                else:
                    left, right = a[j, i], b[j, k]
                for lane in range(LANES):
                    out[i, k, lane] += left[lane] * right[lane]


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _vectors_and_scalars(operation, s, v, out, a, b, rows, summed):  # type: ignore[no-untyped-def] # pragma: no cover
    if operation == _MULTIPLY:
        for i in range(rows):
            for lane in range(LANES):
                v[out, i, lane] = v[a, i, lane] * v[b, i, lane]
    elif operation == _SUM:
        s[out] = 0.0
        for i in range(summed):
            for lane in range(LANES):
                s[out, lane] += v[a, i, lane]
    elif operation == _DOT:
        s[out] = 0.0
        for i in range(summed):
            for lane in range(LANES):
                s[out, lane] += v[a, i, lane] * v[b, i, lane]
    else:  # times
        for lane in range(LANES):
            s[out, lane] = s[a, lane] * s[b, lane]
