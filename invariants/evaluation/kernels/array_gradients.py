"""Derivatives by the operations of an array library: tensors on their device, graphs of treewidth above 2, and the twin
of the compiled sweeps.

The values of all steps of a plan are kept, and swept in reverse.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from array_api_compat import array_namespace, is_torch_array

from .arrays import Array, contract, perform, side_by_side, transposed
from .contractions import slices
from .plan import Plan

# Up to this size, matrices of numpy are worked on side by side; larger ones by BLAS.
_LARGEST_SIDE_BY_SIDE = 48
# Entries of the matrices that are worked on together: the intermediate results should stay in cache.
_ENTRIES = 1 << 16
_TENSOR_ENTRIES = 1 << 20


def differentiate_arrays(plan: Plan, batch: Array, weights: Array | None, results: Array) -> None:
    """Derivatives on matrices (n, colours, rows, columns), an array or a tensor.

    Args:
        plan: of any graphs.
        batch: the matrices.
        weights: (n, len(graphs)), to differentiate the weighted sums; None for each graph by itself.
        results: (n, colours, rows, columns) with weights, (n, len(graphs), colours, rows, columns) without.

    >>> from pigmm.invariants.graphs.multigraph import Multigraph
    >>> from pigmm.invariants.evaluation.kernels.plan import plan
    >>> results = np.empty((1, 1, 2, 2))
    >>> differentiate_arrays(plan((Multigraph([(0, 0)]),)), np.ones((1, 1, 2, 2)), np.full((1, 1), 5.0), results)
    >>> results.tolist()
    [[[[5.0, 0.0], [0.0, 5.0]]]]
    """
    together = max(1, (_TENSOR_ENTRIES if is_torch_array(batch) else _ENTRIES) // int(np.prod(batch.shape[1:])))
    with np.errstate(over="ignore", invalid="ignore"):  # as in `evaluate`
        for start in range(0, len(batch), together):
            chunk = slice(start, start + together)
            tape = _Tape(plan, list(array_namespace(batch).unstack(_arranged(batch[chunk]), axis=1)))
            if weights is None:
                _write_gradients(tape, results[chunk])
            else:
                _write(tape.sweep(_seeds(plan, weights[chunk])), results[chunk])


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


def _write_gradients(tape: _Tape, results: Array) -> None:
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
            _write(gradients[number], results[:, graph])
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


def _write(gradients: dict[int, Array], results: Array) -> None:
    """Derivatives by each colour into results (n, colours, rows, columns); zeros by those of no graph."""
    for colour in range(results.shape[1]):
        results[:, colour] = gradients.get(colour, 0.0)


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
