"""Execute a plan with the operations of an array library: the obvious twin of the interpreter, BLAS for large sizes,
and tensors of PyTorch on any device, through automatic differentiation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from array_api_compat import array_namespace, device, is_torch_array

from ...checks import check_symmetric, check_zero_diagonal, checked_matrices
from ...graphs.families import GraphFamily, checked_family
from ...graphs.given import GivenGraph, checked_graphs
from .contractions import slices
from .plan import Plan, plan

Array = Any  # of numpy or PyTorch: the operations below are written once for both
Buffers = dict[tuple[int, ...], list[Array]]

# Entries of the matrices of a tensor that are worked on together.
_TENSOR_ENTRIES = 1 << 20


def run_on_arrays(plan: Plan, matrices: Array) -> Array:
    """Run a plan on matrices.

    The memory of a matrix is used again after its last use, so it is that of a few batches of matrices, for graphs of
    any treewidth. Where torch is to differentiate, it keeps the matrices that it needs for that.

    Args:
        plan: of any graphs.
        matrices: (..., colours, rows, columns); a numpy array, computed in float64, or a torch tensor, computed in its
            dtype and on its device, and differentiable by torch.

    Returns:
        (..., len(graphs)), an array or a tensor.

    >>> from pigmm.invariants.graphs.multigraph import Multigraph
    >>> from pigmm.invariants.evaluation.kernels.plan import plan
    >>> run_on_arrays(plan((Multigraph([(0, 1)]),)), np.ones((1, 4, 4)))
    array([16.])
    """
    # what torch is to differentiate may not be written over
    buffers = defaultdict[tuple[int, ...], list[Array]](list) if isinstance(matrices, np.ndarray) else None
    inputs = [matrices[..., colour, :, :] for colour in range(matrices.shape[-3])]
    return array_namespace(matrices).stack(_execute(plan, inputs, buffers), axis=-1)


def evaluate_tensor(
    matrices: Array, graphs: Iterable[GivenGraph], *, family: GraphFamily | None = None
) -> Array:  # a tensor
    """Evaluate invariants of a torch tensor: see `evaluate`.

    Args:
        matrices: as in `evaluate`, a tensor of floating-point numbers.
        graphs: all of one kind of matrices.
        family: the kind of matrices, if the graphs alone do not tell.

    Returns:
        (..., len(graphs)) in the tensor's dtype and on its device, differentiable by torch.

    Raises:
        ValueError: as in `evaluate`; also for tensors of integers.

    >>> from pigmm.invariants import Multigraph
    >>> import torch
    >>> matrix = torch.ones(2, 4, 4, requires_grad=True)
    >>> evaluate_tensor(matrix, [Multigraph([(0, 1)])]).shape
    torch.Size([2, 1])
    """
    graphs = checked_graphs(graphs, family)
    family = checked_family(graphs, family)
    batch, leading = checked_batch(matrices, family)
    steps = plan(graphs)
    length = max(1, _TENSOR_ENTRIES // batch[:1].reshape(-1).shape[0]) if len(batch) else 1
    parts = [run_on_arrays(steps, batch[start : start + length]) for start in range(0, max(1, len(batch)), length)]
    return array_namespace(batch).concat(parts).reshape(*leading, len(graphs))


def checked_batch(matrices: Any, family: GraphFamily, *, finite: bool = True) -> tuple[Array, tuple[int, ...]]:
    """Matrices of a family as (n, colours, rows, columns), a tensor if they are one, and their leading shape.

    Raises ValueError if they are not finite real numbers of the shape, and symmetric and of zero diagonal if the family
    is. Without `finite`, entries of an array are looked at only if they must be symmetric.

    >>> from pigmm.invariants.graphs.families import TWO_SQUARE
    >>> batch, leading = checked_batch(np.ones((7, 3, 2, 5, 5)), TWO_SQUARE)
    >>> batch.shape, leading
    ((21, 2, 5, 5), (7, 3))
    """
    square = len(family.node_kinds) == 1
    batch: Array
    if is_torch_array(matrices):
        batch = _checked_tensor(matrices, square=square)
    else:
        batch = checked_matrices(matrices, square=square, finite=finite or not family.directed)
    if not family.directed:
        (_check_symmetric_tensor if is_torch_array(batch) else check_symmetric)(batch)
        if not all(arc.loops for arc in family.arc_types):
            check_zero_diagonal(batch)
    colours = len(family.arc_types)
    if colours == 1:
        batch = batch[..., None, :, :]
    elif batch.ndim < 3 or batch.shape[-3] != colours:
        raise ValueError(f"matrices must be of shape (..., {colours}, N, N), got {tuple(batch.shape)}")
    leading = tuple(batch.shape[:-3])
    count = int(np.prod(leading, dtype=int))
    return batch.reshape(count, *batch.shape[-3:]), leading


def _checked_tensor(matrices: Array, *, square: bool) -> Array:
    """`checked_matrices`, without a copy from the device."""
    xp, shape = array_namespace(matrices), tuple(matrices.shape)
    if not xp.isdtype(matrices.dtype, "real floating"):
        raise ValueError(f"matrices must be real numbers, of floating point in a tensor, got dtype {matrices.dtype}")
    if len(shape) < 2 or min(shape[-2:]) == 0:
        raise ValueError(f"matrices must have a last two axes of rows and columns, got shape {shape}")
    if square and shape[-1] != shape[-2]:
        raise ValueError(f"matrices must be square in the last two axes, got shape {shape}")
    bad = ~xp.isfinite(matrices)
    if bad.any():
        raise ValueError(f"matrices must be finite, got {int(bad.sum())} NaN or infinite entries")
    return matrices


def _check_symmetric_tensor(matrices: Array) -> None:
    """`check_symmetric`, without a copy from the device."""
    xp = array_namespace(matrices)
    difference = abs(matrices - matrices.swapaxes(-1, -2))
    # every entry of a matrix is compared with its largest
    if (difference > 100 * xp.finfo(matrices.dtype).eps * xp.max(abs(matrices), axis=(-2, -1), keepdims=True)).any():
        raise ValueError(f"matrices must be symmetric, got entries {float(difference.max()):.3g} off their mirrors")


def _execute(plan: Plan, inputs: Sequence[Array], buffers: Buffers | None) -> list[Array]:
    """The outputs of a plan on its inputs, each a batch of matrices (or of vectors, where the plan says so).

    With buffers (numpy only), the matrices that are made are written into those that nobody needs any more.
    """
    last_use = {i: number for number, step in enumerate(plan.steps) for i in step.inputs}
    values: dict[int, Array] = {}
    transposes: dict[int, Array] = {}
    for number, step in enumerate(plan.steps):
        if step.operation == "input":
            values[number] = inputs[step.colour]
            continue
        operands = [values[i] for i in step.inputs]
        if step.operation == "hadamard_transposed":
            other = step.inputs[1]
            if other not in transposes:
                transposes[other] = transposed(values[other])
            operands[1] = transposes[other]
        values[number] = perform(step.operation, operands, buffers)
        for i in set(step.inputs):
            if last_use[i] == number and plan.steps[i].shape:
                done = [transposes.pop(i, None), values.pop(i)]
                if plan.steps[i].operation == "input":
                    done.pop()  # it belongs to the caller
                if buffers is not None and len(plan.steps[i].shape) == 2:
                    for array in done:
                        if array is not None and array.flags.owndata:
                            buffers[array.shape].append(array)
    return [values[number] for number in plan.outputs]


# Those that make a matrix write it into a given array: at large sizes fresh memory costs more than the arithmetic.
_MATRIX_OPERATIONS: dict[str, Callable[..., Array]] = {
    "hadamard": lambda a, b, **out: _multiply(a, b, **out),
    "hadamard_transposed": lambda a, b, **out: _multiply(a, b, **out),  # b comes transposed
    "scale_rows": lambda a, x, **out: _multiply(a, x[..., :, None], **out),
    "scale_columns": lambda a, x, **out: _multiply(a, x[..., None, :], **out),
    "product": lambda a, b, **out: contract("ij,jk->ik", a, b, **out),
    "product_transposed": lambda a, b, **out: contract("ij,kj->ik", a, b, **out),
    "transposed_product": lambda a, b, **out: contract("ji,jk->ik", a, b, **out),
}

_OPERATIONS: dict[str, Callable[..., Array]] = {
    "diagonal": lambda a: _diagonal(a),
    "rows": lambda a: a.sum(-1) if side_by_side(a) else a @ _ones(a, -1),
    "columns": lambda a: a.sum(-2) if side_by_side(a) else _ones(a, -2) @ a,
    "apply": lambda a, x: contract("ij,j->i", a, x),
    "apply_transposed": lambda a, x: contract("ij,i->j", a, x),
    "multiply": lambda x, y: x * y,
    "sum": lambda x: x.sum(-1),
    "dot": lambda x, y: contract("i,i->", x, y),
    "times": lambda s, t: s * t,
}


def perform(operation: str, operands: Sequence[Array], buffers: Buffers | None = None) -> Array:
    """One operation of a plan on batches (..., N), (..., M, N); the second operand of hadamard_transposed transposed.

    >>> perform("apply", [np.ones((2, 3)), np.arange(3.0)])
    array([3., 3.])
    """
    if operation.startswith("contract"):
        return _sum_over_slices(operation.split()[1], operands, buffers)
    if operation not in _MATRIX_OPERATIONS:
        return _OPERATIONS[operation](*operands)
    out = {}
    if buffers is not None:
        shape = _matrix_shape(operation, operands)
        out["out"] = buffers[shape].pop() if buffers[shape] else np.empty(shape)
    return _MATRIX_OPERATIONS[operation](*operands, **out)


def _matrix_shape(operation: str, operands: Sequence[Array]) -> tuple[int, ...]:
    """Shape of the matrix that an operation makes."""
    left, right = operands
    if operation == "product":
        return (*left.shape[:-1], right.shape[-1])
    if operation == "product_transposed":
        return (*left.shape[:-1], right.shape[-2])
    if operation == "transposed_product":
        return (*left.shape[:-2], left.shape[-1], right.shape[-1])
    shape: tuple[int, ...] = left.shape
    return shape


def _sum_over_slices(subscripts: str, factors: Sequence[Array], buffers: Buffers | None) -> Array:
    sliced = slices(subscripts)

    def term(value: int) -> Array:
        return _execute(sliced.plan, sliced.inputs(factors, value), buffers)[0]

    if is_torch_array(factors[0]) and any(factor.requires_grad for factor in factors):
        from torch.utils.checkpoint import checkpoint  # differentiates slice by slice, too, and keeps none of them

        return sum(checkpoint(term, value, use_reentrant=False) for value in range(sliced.length(factors)))
    return sum(term(value) for value in range(sliced.length(factors)))


# Methods and operators that arrays of numpy and tensors have in common; `out` is for numpy alone.
_BY_BLAS: dict[str, Callable[..., Array]] = {
    "ij,jk->ik": lambda a, b, **out: np.matmul(a, b, **out) if out else a @ b,
    "ij,kj->ik": lambda a, b, **out: _BY_BLAS["ij,jk->ik"](a, b.swapaxes(-1, -2), **out),
    "ji,jk->ik": lambda a, b, **out: _BY_BLAS["ij,jk->ik"](a.swapaxes(-1, -2), b, **out),
    "ij,j->i": lambda a, x: np.matvec(a, x) if _has_matvec(a) else (a @ x[..., None])[..., 0],
    "ij,i->j": lambda a, x: (x[..., None, :] @ a)[..., 0, :],
    "ij,ij->i": lambda a, b: (a * b).sum(-1),
    "ij,ij->j": lambda a, b: (a * b).sum(-2),
    "i,i->": lambda x, y: (x * y).sum(-1),
}


def contract(subscripts: str, a: Array, b: Array, **out: Array) -> Array:
    """One of the contractions of two vectors or matrices that plans and their derivatives are made of.

    >>> contract("ij,j->i", np.ones((2, 3)), np.arange(3.0))
    array([3., 3.])
    """
    if side_by_side(a):
        left, rest = subscripts.split(",")
        right, result = rest.split("->")
        found: Array = np.einsum(f"...{left},...{right}->...{result}", a, b, **out)
        return found
    return _BY_BLAS[subscripts](a, b, **out)


def side_by_side(array: Array) -> bool:
    """Whether a numpy array (n, ...) holds n small vectors or matrices side by side: equal entries in a row.

    The loops of numpy then run over matrices, not over the few entries of a row; what numpy makes of such arrays is
    such an array again. BLAS would have to rearrange them.

    >>> side_by_side(np.ones((5, 5, 100)).transpose(2, 0, 1))
    True
    """
    return isinstance(array, np.ndarray) and array.ndim > 1 and len(array) > 1 and array.strides[0] == array.itemsize


def transposed(matrices: Array) -> Array:
    """Transposes, to be read entry by entry: read column by column, each would cost a cache line.

    >>> transposed(np.arange(6.0).reshape(2, 3)).flags.c_contiguous
    True
    """
    found = matrices.swapaxes(-1, -2)
    copied = isinstance(matrices, np.ndarray) and not side_by_side(matrices)
    return np.ascontiguousarray(found) if copied else found


def _multiply(a: Array, b: Array, **out: Array) -> Array:
    return np.multiply(a, b, **out) if out else a * b


def _diagonal(a: Array) -> Array:
    found = a.diagonal(0, -2, -1)
    return found.copy(order="K") if isinstance(a, np.ndarray) else found  # once, not a cache line for each read


def _has_matvec(array: Array) -> bool:
    return isinstance(array, np.ndarray) and hasattr(np, "matvec")


def _ones(matrices: Array, axis: int) -> Array:
    xp = array_namespace(matrices)
    return xp.ones(matrices.shape[axis], dtype=matrices.dtype, device=device(matrices))
