"""Derivatives of a weighted sum of invariants of larger matrices, in strips: values, then the reverse sweep."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..adjoint import adjoint
from ..plan import Plan
from .gradient_loops import run, turn, write
from .loops import begin, finish
from .program import Assembler, StripProgram, perform_in_parts, vectors_of
from .schedule import Buffer, schedule_sweep
from .table import COMBINED, DERIVED, INPUT, INPUT_PLACE, INPUT_STRIDE, TERM, WIDTH

Table = NDArray[np.int64]
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class StripGradient:
    """A plan and its reverse sweep as tables of instructions over one workspace.

    Args:
        values: the program of the plan, in the workspace of both.
        code: (instructions, INSTRUCTION) int64, of the sweep, the columns named in `table`.
        scalars: where the derivatives by scalars begin and end.
        seeds: (graphs,) int64: place of the derivative by each graph's scalar.
        derived: (products, DERIVED) int64: products of two scalars, in reverse.
        combinations: (vectors, COMBINED) int64: the combinations that the sweep of vectors begins with.
        terms: (terms, TERM) int64: of all combinations.
        gradients: (colours, INPUT) int64: where the derivative by each matrix lies, its stride zero if there is none.
    """

    values: StripProgram
    code: Table
    scalars: tuple[int, int]
    seeds: Table
    derived: Table
    combinations: Table
    terms: Table
    gradients: Table

    @property
    def turning(self) -> tuple[tuple[int, int], Table, Table, Table, Table]:
        """What stands between the values and the sweep."""
        return self.scalars, self.seeds, self.derived, self.combinations, self.terms


@lru_cache(maxsize=64)
def assemble_strip_gradient(plan: Plan, sizes: tuple[int, ...], colours: int) -> StripGradient:
    """Lay out the gradient of a plan at given sizes (one for each node kind), by so many matrices.

    >>> from pigmm.invariants.graphs.multigraph import Multigraph
    >>> from pigmm.invariants.evaluation.kernels.plan import plan
    >>> len(assemble_strip_gradient(plan((Multigraph([(0, 1)]),)), (40,), 1).code)  # a pass: zeros, and ones added
    3
    """
    found = adjoint(plan)
    kept = frozenset(found.gradients.values())
    actions, sweep = schedule_sweep(found.steps, found.forward, kept)
    assembler = Assembler(found.steps, found.outputs, sizes)
    scalars = found.scalars()
    start = assembler.memory.take(vectors_of(len(scalars)) * WIDTH)
    derivatives = {number: start + k for k, number in enumerate(scalars)}
    program = assembler.program([*actions, *sweep], kept)
    forward = assembler.beginnings[len(actions)]
    derived = found.derived(assembler.scalars, derivatives)
    combinations, terms = found.combined(assembler.vectors, derivatives, [vectors_of(size) for size in sizes])
    gradients = np.zeros((colours, INPUT), dtype=np.int64)
    for colour, number in found.gradients.items():
        gradients[colour, INPUT_PLACE] = assembler.places[Buffer(number)]
        gradients[colour, INPUT_STRIDE] = assembler.layout(Buffer(number)).stride
    return StripGradient(
        values=program.beginning(forward),
        code=program.code[forward:],
        scalars=(start, start + len(scalars)),
        seeds=np.array([derivatives[output] for output in found.outputs], dtype=np.int64),
        derived=np.array(derived, dtype=np.int64).reshape(-1, DERIVED),
        combinations=np.array(combinations, dtype=np.int64).reshape(-1, COMBINED),
        terms=np.array(terms, dtype=np.int64).reshape(-1, TERM),
        gradients=gradients,
    )


def run_strip_gradient(
    program: StripGradient, matrices: Array, weights: Array, results: Array, derivatives: Array
) -> float:
    """Differentiate on matrices (n, colours, rows, columns), into derivatives of their shape; all C-contiguous.

    Args:
        program: of the sizes of the matrices.
        matrices: (n, colours, rows, columns).
        weights: (n, len(graphs)).
        results: (n, len(graphs)), for the values.
        derivatives: as matrices.

    Returns:
        The sum of the entries that were read: finite only if all of them are.
    """
    values, sweep = program.values, (program.code, *program.turning)
    with values.workspace_in_use() as workspace:
        total: float = run(
            values.tables, sweep, program.gradients, values.parts, workspace, matrices, weights, results, derivatives
        )
    return total


def run_strip_gradient_in_parts(
    program: StripGradient, matrices: Array, weights: Array, results: Array, derivatives: Array, pool: Executor
) -> float:
    """The same, bit for bit, with the parts of each matrix spread over the threads of a pool."""
    total, values = 0.0, program.values
    with values.workspace_in_use() as workspace:
        for matrix, weight, result, derivative in zip(matrices, weights, results, derivatives, strict=True):
            total += begin(values.inputs, values.vectors, workspace, matrix)
            perform_in_parts(values.code, values.parts, workspace, pool)
            finish(values.dots, values.times, values.outputs, workspace, result)
            turn(*program.turning, workspace, weight)
            perform_in_parts(program.code, values.parts, workspace, pool)
            write(program.gradients, workspace, derivative)
    return total
