"""Execute a plan with numpy's own operations: the obvious twin of the interpreter, and BLAS for large sizes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .plan import Plan, Step

Array = NDArray[np.float64]

# Those that make a matrix write it into a given array: at large sizes fresh memory costs more than the arithmetic.
_INTO: dict[str, Callable[..., Any]] = {
    "hadamard": lambda a, b, out: np.multiply(a, b, out=out),
    "hadamard_transposed": lambda a, b, out: np.multiply(a, b, out=out),  # b comes transposed
    "scale_rows": lambda a, x, out: np.multiply(a, x[..., :, None], out=out),
    "scale_columns": lambda a, x, out: np.multiply(a, x[..., None, :], out=out),
    "product": lambda a, b, out: np.matmul(a, b, out=out),
    "product_transposed": lambda a, b, out: np.matmul(a, b.swapaxes(-1, -2), out=out),
    "transposed_product": lambda a, b, out: np.matmul(a.swapaxes(-1, -2), b, out=out),
}

_OPERATIONS: dict[str, Callable[..., Any]] = {
    "diagonal": lambda a: np.diagonal(a, axis1=-2, axis2=-1).copy(),
    "rows": lambda a: a @ np.ones(a.shape[-1]),
    "columns": lambda a: np.ones(a.shape[-2]) @ a,
    "apply": lambda a, x: np.matvec(a, x) if hasattr(np, "matvec") else (a @ x[..., None])[..., 0],
    "apply_transposed": lambda a, x: (x[..., None, :] @ a)[..., 0, :],
    "multiply": lambda x, y: x * y,
    "sum": lambda x: x.sum(axis=-1),
    "dot": lambda x, y: (x * y).sum(axis=-1),
    "times": lambda s, t: s * t,
}


def run_on_arrays(plan: Plan, matrices: Array) -> Array:
    """Values (..., len(graphs)) of a plan on matrices (..., colours, rows, columns), float64.

    The memory of a matrix is used again after its last use, so it is that of a few batches of matrices.

    >>> from .multigraph import Multigraph
    >>> from .plan import plan
    >>> run_on_arrays(plan((Multigraph([(0, 1)]),)), np.ones((1, 4, 4)))
    array([16.])
    """
    last_use = {i: number for number, step in enumerate(plan.steps) for i in step.inputs}
    values: dict[int, Array] = {}
    transposes: dict[int, Array] = {}
    free: dict[tuple[int, ...], list[Array]] = defaultdict(list)
    for number, step in enumerate(plan.steps):
        if step.operation == "input":
            values[number] = matrices[..., step.colour, :, :]
            continue
        inputs = [values[i] for i in step.inputs]
        if step.operation == "hadamard_transposed":
            # made once and contiguous: entries read column by column would each cost a cache line
            other = step.inputs[1]
            if other not in transposes:
                transposes[other] = np.ascontiguousarray(inputs[1].swapaxes(-1, -2))
            inputs[1] = transposes[other]
        values[number] = _perform(step, inputs, free)
        for i in set(step.inputs):
            if last_use[i] == number and plan.steps[i].shape:
                for done in (values.pop(i), transposes.pop(i, None)):
                    if done is not None and len(plan.steps[i].shape) == 2 and done.flags.owndata:
                        free[done.shape].append(done)
    return np.stack([values[number] for number in plan.outputs], axis=-1)


def _perform(step: Step, inputs: list[Array], free: dict[tuple[int, ...], list[Array]]) -> Array:
    result: Array
    if step.operation.startswith("contract"):
        return _contract(step.operation.split()[1], inputs)
    if step.operation not in _INTO:
        result = _OPERATIONS[step.operation](*inputs)
        return result
    shape = _matrix_shape(step.operation, inputs)
    out = free[shape].pop() if free[shape] else np.empty(shape)
    result = _INTO[step.operation](*inputs, out)
    return result


def _matrix_shape(operation: str, inputs: list[Array]) -> tuple[int, ...]:
    """Shape of the matrix that an operation makes."""
    left, right = inputs
    if operation == "product":
        return (*left.shape[:-1], right.shape[-1])
    if operation == "product_transposed":
        return (*left.shape[:-1], right.shape[-2])
    if operation == "transposed_product":
        return (*left.shape[:-2], left.shape[-1], right.shape[-1])
    return left.shape


def _contract(subscripts: str, inputs: list[Array]) -> Array:
    """A general contraction over the last axes of every input."""
    with_batch = ",".join("..." + names for names in subscripts.removesuffix("->").split(","))
    result: Array = np.einsum(with_batch + "->...", *inputs, optimize="greedy")
    return result
