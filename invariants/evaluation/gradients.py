"""Derivatives of invariants by the entries of matrices: a plan swept in reverse.

In the graph of an invariant, the derivative by M_ij is the sum over arcs of the same graph without that arc, its ends
held at i and j. All these graphs with two marked nodes share their parts, and a reverse sweep makes each part once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from array_api_compat import array_namespace, device, is_torch_array
from numpy.typing import ArrayLike

from ..graphs.families import GraphFamily, checked_family
from ..graphs.given import GivenGraph, checked_graphs
from .kernels.arrays import Array, checked_batch, contract, perform, side_by_side, transposed
from .kernels.contractions import slices
from .kernels.plan import Plan, plan

# Up to this size, matrices of numpy are worked on side by side; larger ones by BLAS.
_LARGEST_SIDE_BY_SIDE = 48
# Entries of the matrices that are worked on together: the intermediate results should stay in cache.
_ENTRIES = 1 << 16
_TENSOR_ENTRIES = 1 << 20


def evaluate_gradient(
    matrices: ArrayLike,
    graphs: Iterable[GivenGraph],
    *,
    weights: ArrayLike | None = None,
    family: GraphFamily | None = None,
) -> Array:
    """Derivatives of the invariants of given graphs by the entries of each matrix, dO_g / dM_ij.

    With weights, only sum_g w_g dO_g / dM_ij, in one sweep: a few times the work of evaluating the graphs by numpy.
    The derivatives of tensors can themselves be differentiated by torch.

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
    factors = None if weights is None else _checked_weights(weights, batch, leading, len(graphs))
    steps = plan(graphs)
    xp = array_namespace(batch)
    kept = (len(graphs),) if factors is None else ()
    results = xp.empty(
        (len(batch), *kept, *batch.shape[1:]),
        dtype=batch.dtype if is_torch_array(batch) else np.float64,
        device=device(batch),
    )
    together = max(1, (_TENSOR_ENTRIES if is_torch_array(batch) else _ENTRIES) // int(np.prod(batch.shape[1:])))
    with np.errstate(over="ignore", invalid="ignore"):  # as in `evaluate`
        for start in range(0, len(batch), together):
            chunk = slice(start, start + together)
            tape = _Tape(steps, list(xp.unstack(_arranged(batch[chunk]), axis=1)))
            if factors is None:
                _write_gradients(tape, family, results[chunk])
            else:
                _write(family, tape.sweep(_seeds(steps, factors[chunk])), results[chunk])
    several = len(family.arc_types) > 1
    return results.reshape(*leading, *kept, *(batch.shape[1:] if several else batch.shape[2:]))


def _checked_weights(weights: Any, batch: Array, leading: tuple[int, ...], graphs: int) -> Array:
    """Weights as (n, len(graphs)), in the library of the matrices."""
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
    return xp.broadcast_to(found, (*leading, graphs)).reshape(len(batch), graphs)


def _arranged(chunk: Array) -> Array:
    """Arrays of numpy in float64, small matrices side by side (see `arrays.side_by_side`); tensors as they are."""
    if is_torch_array(chunk):
        return chunk
    if max(chunk.shape[-2:]) > _LARGEST_SIDE_BY_SIDE:
        return np.ascontiguousarray(chunk, dtype=np.float64)
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(chunk, 0, -1), dtype=np.float64), -1, 0)


def _seeds(steps: Plan, weights: Array) -> dict[int, Array]:
    """The derivative of the weighted sum by each output."""
    seeds: dict[int, Array] = {}
    for graph, output in enumerate(steps.outputs):  # the same graph may be there twice
        seeds[output] = seeds[output] + weights[:, graph] if output in seeds else weights[:, graph]
    return seeds


def _write_gradients(tape: _Tape, family: GraphFamily, results: Array) -> None:
    """Derivatives of each graph into results (n, len(graphs), colours, rows, columns).

    Those of products of scalars are made of their factors' derivatives; only connected graphs are swept.
    """
    steps = tape.plan.steps
    places = defaultdict(list)
    for graph, output in enumerate(tape.plan.outputs):
        places[output].append(graph)
    products = {number: step.inputs for number, step in enumerate(steps) if step.operation == "times"}
    last_use = {i: number for number, inputs in products.items() for i in inputs}
    gradients: dict[int, dict[int, Array]] = {}  # of a scalar step, by each colour
    for number in sorted({*places, *last_use, *products}):
        if number in products:
            left, right = products[number]
            gradients[number] = _derivative_of_product(tape.values, gradients, left, right)
        else:
            gradients[number] = tape.sweep({number: _filled(tape.values[number], 1.0)})
        for graph in places[number]:
            _write(family, gradients[number], results[:, graph])
        for i in {number, *products.get(number, ())}:
            if last_use.get(i, -1) <= number:
                del gradients[i]


def _derivative_of_product(
    values: Sequence[Array], gradients: dict[int, dict[int, Array]], left: int, right: int
) -> dict[int, Array]:
    if left == right:
        return {c: gradient * (2 * values[left])[:, None, None] for c, gradient in gradients[left].items()}
    found = {c: gradient * values[right][:, None, None] for c, gradient in gradients[left].items()}
    for c, gradient in gradients[right].items():
        part = gradient * values[left][:, None, None]
        found[c] = _added(found[c], part) if c in found else part
    return found


def _write(family: GraphFamily, gradients: dict[int, Array], results: Array) -> None:
    """Derivatives by each colour into results (n, colours, rows, columns), within the space of the matrices."""
    for colour, arc in enumerate(family.arc_types):
        if colour not in gradients:
            results[:, colour] = 0.0
            continue
        gradient = gradients[colour]
        results[:, colour] = gradient if family.directed else (gradient + gradient.swapaxes(-1, -2)) / 2
        if arc.tail == arc.head and not arc.loops:
            diagonal = range(gradient.shape[-1])
            results[:, colour, diagonal, diagonal] = 0.0


@lru_cache(maxsize=64)
def _needed(plan: Plan) -> list[frozenset[int]]:
    """For each step, all that it is made of, itself included."""
    needed: list[frozenset[int]] = []
    for number, step in enumerate(plan.steps):
        needed.append(frozenset({number}).union(*(needed[i] for i in step.inputs)))
    return needed


@dataclass
class _Tape:
    """The values of all steps of a plan at some inputs (n, rows, columns), to sweep in reverse.

    Args:
        plan: any, on matrices or (a slice of a contraction) also vectors and scalars.
        inputs: of each colour.
    """

    plan: Plan
    inputs: Sequence[Array]
    values: list[Array] = field(init=False)

    def __post_init__(self) -> None:
        self.values = []
        self._transposes: dict[int, Array] = {}
        for step in self.plan.steps:
            if step.operation == "input":
                self.values.append(self.inputs[step.colour])
                continue
            operands = [self.values[i] for i in step.inputs]
            if step.operation == "hadamard_transposed":
                operands[1] = self._transposed(step.inputs[1])
            self.values.append(perform(step.operation, operands))

    def _transposed(self, number: int) -> Array:
        if number not in self._transposes:
            self._transposes[number] = transposed(self.values[number])
        return self._transposes[number]

    def sweep(self, seeds: dict[int, Array]) -> dict[int, Array]:
        """Derivative by each colour's input, of the sum of seed * value over some scalars; seeds (n,) of steps."""
        adjoints = _Adjoints(self.values)
        for number, seed in seeds.items():
            adjoints.add(number, seed + 0.0)  # a copy, as it is given away
        found = {}
        needed = _needed(self.plan)
        for number in sorted(frozenset().union(*(needed[i] for i in seeds)), reverse=True):
            adjoint = adjoints.take(number)
            if self.plan.steps[number].operation == "input":
                found[self.plan.steps[number].colour] = adjoint
            else:
                self._pull_back(number, adjoint, adjoints)
        return found

    def _pull_back(self, number: int, g: Array, adjoints: _Adjoints) -> None:
        """Add the derivatives through a step of adjoint g to the adjoints of its inputs."""
        step = self.plan.steps[number]
        first, second = (*step.inputs, *step.inputs)[:2]
        a, b = self.values[first], self.values[second]
        match step.operation:
            case "diagonal":
                adjoints.add_diagonal(first, g)
            case "hadamard":
                adjoints.add(first, g * b)
                adjoints.add(second, g * a)
            case "hadamard_transposed":
                adjoints.add(first, g * self._transposed(second))
                adjoints.add_transposed(second, g * a)
            case "rows":
                adjoints.add_outer(first, g, _filled(a[..., 0, :], 1.0))
            case "columns":
                adjoints.add_outer(first, _filled(a[..., :, 0], 1.0), g)
            case "apply":
                adjoints.add_outer(first, g, b)
                adjoints.add(second, contract("ij,i->j", a, g))
            case "apply_transposed":
                adjoints.add_outer(first, b, g)
                adjoints.add(second, contract("ij,j->i", a, g))
            case "scale_rows":
                adjoints.add(first, g * b[..., :, None])
                adjoints.add(second, contract("ij,ij->i", g, a))
            case "scale_columns":
                adjoints.add(first, g * b[..., None, :])
                adjoints.add(second, contract("ij,ij->j", g, a))
            case "product":
                adjoints.add(first, contract("ij,kj->ik", g, b))
                adjoints.add(second, contract("ji,jk->ik", a, g))
            case "product_transposed":
                adjoints.add(first, contract("ij,jk->ik", g, b))
                adjoints.add(second, contract("ji,jk->ik", g, a))
            case "transposed_product":
                adjoints.add(first, contract("ij,kj->ik", b, g))
                adjoints.add(second, contract("ij,jk->ik", a, g))
            case "multiply" | "times":
                adjoints.add(first, g * b)
                adjoints.add(second, g * a)
            case "sum":
                adjoints.add(first, g[..., None] + _filled(a, 0.0))
            case "dot":
                adjoints.add(first, g[..., None] * b)
                adjoints.add(second, g[..., None] * a)
            case _:
                self._pull_back_slices(number, g, adjoints)

    def _pull_back_slices(self, number: int, g: Array, adjoints: _Adjoints) -> None:
        """Through a general contraction, one slice after another, so that memory stays that of a few matrices."""
        operation, inputs = self.plan.steps[number].operation, self.plan.steps[number].inputs
        sliced = slices(operation.split()[1])
        factors = [self.values[i] for i in inputs]
        parts = [_filled(factor, 0.0) for factor in factors]
        for value in range(sliced.length(factors)):
            tape = _Tape(sliced.plan, sliced.inputs(factors, value))
            for factor, part in tape.sweep({sliced.plan.outputs[0]: g}).items():
                parts[factor][sliced.index(factor, value)] += part
        for i, part in zip(inputs, parts, strict=True):
            adjoints.add(i, part)


class _Adjoints:
    """Derivatives of a sum of scalars by each step, while they are collected.

    Most derivatives by a matrix are outer products of two vectors: they are kept as such, and summed in one product of
    matrices. What comes transposed is summed transposed.
    """

    def __init__(self, values: Sequence[Array]) -> None:
        self._values = values
        self._sums: dict[int, Array] = {}
        self._transposed: dict[int, Array] = {}
        self._diagonals: dict[int, Array] = {}
        self._outer: dict[int, list[tuple[Array, Array]]] = defaultdict(list)

    def add(self, step: int, part: Array) -> None:
        """Add to the derivative by a step; `part` is given away, and may be written to."""
        self._sums[step] = _added(self._sums[step], part) if step in self._sums else part

    def add_transposed(self, step: int, part: Array) -> None:
        """Add the transpose of `part`."""
        self._transposed[step] = _added(self._transposed[step], part) if step in self._transposed else part

    def add_diagonal(self, step: int, part: Array) -> None:
        """Add a diagonal matrix (once a step)."""
        self._diagonals[step] = part

    def add_outer(self, step: int, left: Array, right: Array) -> None:
        """Add the matrix left_i right_j."""
        self._outer[step].append((left, right))

    def take(self, step: int) -> Array:
        """The whole derivative by a step, once all that use it have been pulled back."""
        parts = [self._sums.pop(step)] if step in self._sums else []
        if step in self._transposed:
            parts.append(self._transposed.pop(step).swapaxes(-1, -2))
        if step in self._outer:
            left, right = zip(*self._outer.pop(step), strict=True)
            parts.append(contract("ji,jk->ik", _stacked(left), _stacked(right)))
        if not parts:
            parts.append(_filled(self._values[step], 0.0))
        total = parts[0]
        for part in parts[1:]:
            total = _added(total, part)
        if step in self._diagonals:
            diagonal = range(total.shape[-1])
            total[..., diagonal, diagonal] += self._diagonals.pop(step)
        return total


def _added(total: Array, part: Array) -> Array:
    """The sum, written into the first: at large sizes fresh memory costs more than the arithmetic."""
    total += part
    return total


def _stacked(vectors: Sequence[Array]) -> Array:
    """Vectors (n, N) as (n, len(vectors), N), side by side if they are."""
    if side_by_side(vectors[0]):
        return np.stack([vector.T for vector in vectors], axis=1).T
    return array_namespace(vectors[0]).stack(list(vectors), axis=-2)


def _filled(array: Array, value: float) -> Array:
    return array_namespace(array).full_like(array, value)
