"""Derivatives of invariants by the entries of matrices: a plan, and its sweep in reverse.

In the graph of an invariant, the derivative by M_ij is the sum over arcs of the same graph without that arc, its ends
held at i and j. All these graphs with two marked nodes share their parts. For a weighted sum a reverse sweep makes each
part once; for each graph by itself the parts are planned as those of values are.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from array_api_compat import array_namespace, device, is_torch_array
from numpy.typing import ArrayLike, NDArray

from ...simd.cores import cores
from ..graphs.families import GraphFamily, checked_family
from ..graphs.given import GivenGraph, checked_graphs
from ..graphs.multigraph import Multigraph
from .kernels.array_gradients import differentiate_arrays
from .kernels.arrays import Array, checked_batch, evaluate_tensor, run_on_arrays
from .kernels.lanes.gradient import assemble_lane_gradient, run_lane_gradient
from .kernels.lanes.jacobian import assemble_lane_jacobian, run_lane_jacobian
from .kernels.plan import Plan, plan
from .kernels.strips.gradient import assemble_strip_gradient, run_strip_gradient, run_strip_gradient_in_parts
from .on_arrays import TASK, divided, fits_lanes, in_tasks, strips_task

Floats = NDArray[np.float64]

# Entries of the derivatives of each graph that are a task.
_TASK_RESULTS = 1 << 22


def evaluate_gradient(
    matrices: ArrayLike,
    graphs: Iterable[GivenGraph],
    *,
    weights: ArrayLike | None = None,
    family: GraphFamily | None = None,
) -> Array:
    """Derivatives of the invariants of given graphs by the entries of each matrix, dO_g / dM_ij.

    With weights, only sum_g w_g dO_g / dM_ij, in one compiled sweep: about three times the work of `evaluate`, and the
    same bits whatever the number of threads. The derivatives of tensors can themselves be differentiated by torch.

    For symmetric matrices the derivative is the gradient in the space of symmetric matrices: the symmetric matrix G
    (of zero diagonal where the family has it) with dO = sum_ij G_ij dM_ij for each change dM within that space. A
    change of M_ij together with M_ji therefore changes O by 2 G_ij.

    Args:
        matrices: as in `evaluate`: an array, computed in float64; or a torch tensor of floating-point numbers, computed
            in its dtype, on its device.
        graphs: all of one kind of matrices.
        weights: (len(graphs),) for all matrices, or (..., len(graphs)) for each.
        family: the kind of matrices, if the graphs alone do not tell.

    Returns:
        (..., len(graphs), rows, columns); for k > 1 matrices (..., len(graphs), k, N, N). With weights, without the
        axis of the graphs. A tensor if the matrices are one.

    Raises:
        ValueError: as in `evaluate`; also for weights of another shape, or that are not finite real numbers.

    Source:
        The derivative of the definition in derivation 1, arc by arc.

    >>> from pigmm.invariants import Multigraph
    >>> square = Multigraph([(0, 1), (1, 0)])  # tr M^2, of derivative 2 M^T
    >>> evaluate_gradient([[1.0, 2.0], [3.0, 4.0]], [square])
    array([[[2., 6.],
            [4., 8.]]])
    >>> evaluate_gradient([[1.0, 2.0], [3.0, 4.0]], [square, Multigraph([(0, 1)])], weights=[0.5, 10])
    array([[11., 13.],
           [12., 14.]])
    """
    graphs = checked_graphs(graphs, family)
    family = checked_family(graphs, family)
    batch, leading = checked_batch(matrices, family)
    if weights is not None:
        _, found = _weighted(
            batch, graphs, family, _checked_weights(weights, batch, leading, len(graphs)), values=False
        )
    else:
        found = _each(batch, graphs, family)
    return found.reshape(*leading, *_shape(found, family))


def evaluate_with_gradient(
    matrices: ArrayLike,
    graphs: Iterable[GivenGraph],
    weights: ArrayLike,
    *,
    family: GraphFamily | None = None,
) -> tuple[Array, Array]:
    """Values of the invariants of given graphs, and the gradient of their weighted sum, in one pass.

    For what walks along gradients, such as Hamiltonian Monte Carlo.

    Args:
        matrices: as in `evaluate_gradient`.
        graphs: all of one kind of matrices.
        weights: (len(graphs),) for all matrices, or (..., len(graphs)) for each.
        family: the kind of matrices, if the graphs alone do not tell.

    Returns:
        The values (..., len(graphs)) of `evaluate`, and the gradients of `evaluate_gradient`, each of the shape of a
        matrix.

    Raises:
        ValueError: as in `evaluate_gradient`.

    Source:
        The derivative of the definition in derivation 1, arc by arc.

    >>> values, gradient = evaluate_with_gradient([[1.0, 2.0], [3.0, 4.0]], ["tr M^2", "tr M"], [0.5, 10])
    >>> values
    array([29.,  5.])
    >>> gradient
    array([[11.,  3.],
           [ 2., 14.]])
    """
    graphs = checked_graphs(graphs, family)
    family = checked_family(graphs, family)
    batch, leading = checked_batch(matrices, family)
    checked = _checked_weights(weights, batch, leading, len(graphs))
    values, found = _weighted(batch, graphs, family, checked, values=True)
    return values.reshape(*leading, len(graphs)), found.reshape(*leading, *_shape(found, family))


def _shape(gradients: Array, family: GraphFamily) -> tuple[int, ...]:
    """The shape of a result without leading axes: that of a single matrix has no axis of colours."""
    colours, rows, columns = gradients.shape[-3:]
    several = (colours,) if len(family.arc_types) > 1 else ()
    return (*gradients.shape[1:-3], *several, rows, columns)


def _empty(batch: Array, *shape: int) -> Array:
    """Room for results of so many numbers a matrix."""
    dtype = batch.dtype if is_torch_array(batch) else np.float64
    return array_namespace(batch).empty((len(batch), *shape), dtype=dtype, device=device(batch))


def _project(family: GraphFamily, gradients: Array) -> None:
    """Keep of derivatives (..., colours, rows, columns) what lies in the space of the matrices."""
    if not family.directed:
        gradients[...] = (gradients + gradients.swapaxes(-1, -2)) / 2
    for colour, arc in enumerate(family.arc_types):
        if arc.tail == arc.head and not arc.loops:
            diagonal = range(gradients.shape[-1])
            gradients[..., colour, diagonal, diagonal] = 0.0


def _each(batch: Array, graphs: tuple[Multigraph, ...], family: GraphFamily) -> Array:
    """Derivatives of each graph (n, len(graphs), colours, rows, columns), like the batch."""
    found = _empty(batch, len(graphs), *batch.shape[1:])
    easy, hard = ((), tuple(range(len(graphs)))) if is_torch_array(batch) or not fits_lanes(batch) else divided(graphs)
    if not hard:
        _run_jacobian(graphs, batch, family, found)
    elif not easy:
        differentiate_arrays(plan(graphs), batch, None, found)
    else:
        for some in (list(easy), list(hard)):
            found[:, some] = _each(batch, tuple(graphs[k] for k in some), family)
        return found
    _project(family, found)
    return found


def _run_jacobian(graphs: tuple[Multigraph, ...], batch: Floats, family: GraphFamily, results: Floats) -> None:
    if len(family.arc_types) > 1:
        results[...] = 0.0  # by the matrices that a graph does not read
    program = assemble_lane_jacobian(graphs, batch.shape[-2:][: len(family.node_kinds)], len(family.arc_types))

    def run(chunk: Floats, some: slice) -> float:
        run_lane_jacobian(program, chunk, results[some])
        return 0.0

    in_tasks(run, batch, max(1, _TASK_RESULTS // max(1, results[:1].size)), cores())


def _weighted(
    batch: Array, graphs: tuple[Multigraph, ...], family: GraphFamily, weights: Array, *, values: bool
) -> tuple[Array, Array]:
    """Values (n, len(graphs)), if they are wanted, and derivatives of their weighted sum, like the batch.

    Weights are (len(graphs),) or (n, len(graphs)).
    """
    found = _empty(batch, *batch.shape[1:])
    if is_torch_array(batch):
        each = array_namespace(batch).broadcast_to(weights, (len(batch), len(graphs)))
        differentiate_arrays(plan(graphs), batch, each, found)
        _project(family, found)
        return evaluate_tensor(batch if len(family.arc_types) > 1 else batch[:, 0], graphs, family=family), found
    easy, hard = divided(graphs)
    results = np.empty((len(batch) if values else 0, len(graphs)))
    found[...] = 0.0
    if easy:
        some = list(easy)
        part = results if not hard else np.empty((len(results), len(easy)))
        sizes = batch.shape[-2:][: len(family.node_kinds)]
        chosen = tuple(graphs[k] for k in easy)
        _run_compiled(plan(chosen), sizes, batch, np.ascontiguousarray(weights[..., some]), part, found)
        if hard:
            results[:, some] = part
    if hard:
        some = list(hard)
        steps = plan(tuple(graphs[k] for k in hard))
        rest = np.empty(found.shape)
        each = np.broadcast_to(weights, (len(batch), len(graphs)))[:, some]
        differentiate_arrays(steps, batch, each, rest)
        found += rest
        if values:
            with np.errstate(over="ignore", invalid="ignore"):
                results[:, some] = run_on_arrays(steps, np.ascontiguousarray(batch, dtype=np.float64))
    _project(family, found)
    return results, found


def _run_compiled(
    steps: Plan, sizes: tuple[int, ...], batch: Floats, weights: Floats, results: Floats, gradients: Floats
) -> None:
    """Values into results, if it has rows, and derivatives, by the kernel that suits the size."""
    threads, each = cores(), weights.ndim == 2
    if fits_lanes(batch):
        lanes = assemble_lane_gradient(steps, sizes, batch.shape[1:])

        def run(chunk: Floats, some: slice) -> float:
            return run_lane_gradient(lanes, chunk, weights[some] if each else weights, results[some], gradients[some])

        in_tasks(run, batch, TASK, threads)
        return
    strips = assemble_strip_gradient(steps, sizes, batch.shape[1])
    weights = np.ascontiguousarray(np.broadcast_to(weights, (len(batch), weights.shape[-1])))
    if not len(results):
        results = np.empty(weights.shape)

    def run_one(chunk: Floats, some: slice) -> float:
        return run_strip_gradient(strips, chunk, weights[some], results[some], gradients[some])

    def run_in_parts(chunk: Floats, some: slice) -> float:
        return run_strip_gradient_in_parts(strips, chunk, weights[some], results[some], gradients[some], pool)

    if strips.values.parts > 1 and len(batch) < threads:
        with ThreadPoolExecutor(threads) as pool:
            in_tasks(run_in_parts, batch, 1, threads=1)
    else:
        in_tasks(run_one, batch, strips_task(batch), threads)


def _checked_weights(weights: Any, batch: Array, leading: tuple[int, ...], graphs: int) -> Array:
    """Weights as (len(graphs),) or (n, len(graphs)), in the library of the matrices."""
    found: Array = weights
    if is_torch_array(weights):
        if not is_torch_array(batch):
            raise ValueError("weights must be an array where matrices are one, got a tensor")
    else:
        try:
            found = np.asarray(weights)
        except ValueError as error:
            raise ValueError(
                f"weights must be an array of numbers, got what numpy cannot make one of ({error})"
            ) from None
    if not array_namespace(found).isdtype(found.dtype, ("bool", "integral", "real floating")):
        raise ValueError(f"weights must be real numbers, got dtype {found.dtype}")
    shapes = [(graphs,), (*leading, graphs)]
    if tuple(found.shape) not in shapes:
        wanted = " or ".join(str(shape) for shape in dict.fromkeys(shapes))
        raise ValueError(f"weights must be of shape {wanted}, got {tuple(found.shape)}")
    xp = array_namespace(batch)
    if is_torch_array(weights):
        found = weights.to(batch)  # dtype and device
    else:
        found = xp.asarray(found, dtype=batch.dtype if is_torch_array(batch) else np.float64, device=device(batch))
    if not xp.isfinite(found).all():
        raise ValueError("weights must be finite, got NaN or infinite ones")
    return found if found.ndim == 1 else found.reshape(len(batch), graphs)
