"""Execute a plan with numpy's own operations: the obvious twin of the interpreter, and BLAS for large sizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .plan import Plan

Array = NDArray[np.float64]

_OPERATIONS: dict[str, Callable[..., Any]] = {
    "diagonal": lambda a: np.diagonal(a, axis1=-2, axis2=-1),
    "hadamard": lambda a, b: a * b,
    "hadamard_transposed": lambda a, b: a * b.swapaxes(-1, -2),
    "rows": lambda a: a.sum(axis=-1),
    "columns": lambda a: a.sum(axis=-2),
    "apply": lambda a, x: (a @ x[..., None])[..., 0],
    "apply_transposed": lambda a, x: (x[..., None, :] @ a)[..., 0, :],
    "scale_rows": lambda a, x: a * x[..., :, None],
    "scale_columns": lambda a, x: a * x[..., None, :],
    "product": lambda a, b: a @ b,
    "product_transposed": lambda a, b: a @ b.swapaxes(-1, -2),
    "transposed_product": lambda a, b: a.swapaxes(-1, -2) @ b,
    "multiply": lambda x, y: x * y,
    "sum": lambda x: x.sum(axis=-1),
    "dot": lambda x, y: (x * y).sum(axis=-1),
    "times": lambda s, t: s * t,
}


def _contract(subscripts: str, inputs: list[Array]) -> Array:
    """A general contraction over the last axes of every input."""
    with_batch = ",".join("..." + names for names in subscripts.removesuffix("->").split(","))
    result: Array = np.einsum(with_batch + "->...", *inputs, optimize="greedy")
    return result


def run_on_arrays(plan: Plan, matrices: Array) -> Array:
    """Values (..., len(graphs)) of a plan on matrices (..., colours, rows, columns), float64.

    Intermediate results are dropped after their last use, so the memory is that of a few batches of matrices.

    >>> from .multigraph import Multigraph
    >>> from .plan import plan
    >>> run_on_arrays(plan((Multigraph([(0, 1)]),)), np.ones((1, 4, 4)))
    array([16.])
    """
    last_use = {i: number for number, step in enumerate(plan.steps) for i in step.inputs}
    values: dict[int, Array] = {}
    for number, step in enumerate(plan.steps):
        if step.operation == "input":
            values[number] = matrices[..., step.colour, :, :]
            continue
        inputs = [values[i] for i in step.inputs]
        if step.operation.startswith("contract"):
            values[number] = _contract(step.operation.split()[1], inputs)
        else:
            values[number] = _OPERATIONS[step.operation](*inputs)
        for i in set(step.inputs):
            if last_use[i] == number and plan.steps[i].shape:
                del values[i]
    return np.stack([values[number] for number in plan.outputs], axis=-1)
