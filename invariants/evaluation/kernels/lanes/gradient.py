"""Derivatives of a weighted sum of invariants of small matrices, eight side by side: values, then the reverse sweep."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod

import numpy as np
from numpy.typing import NDArray

from .....simd import aligned_empty
from ..adjoint import Adjoint, adjoint
from ..plan import Plan
from .gradient_loops import run
from .program import Assembler, LaneProgram, groups, padded_length
from .table import COMBINED, DERIVED, TERM, WIDTH

Table = NDArray[np.int64]
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LaneGradient:
    """A plan and its reverse sweep as tables of instructions over one workspace.

    Args:
        values: the program of the plan.
        code: (instructions, INSTRUCTION) int64, of the sweep, the columns named in `table`.
        seeds: (graphs,) int64: place of the derivative by each graph's scalar.
        derived: (products, DERIVED) int64: products of two scalars, in reverse.
        combinations: (vectors, COMBINED) int64: the combinations that the sweep of vectors begins with.
        terms: (terms, TERM) int64: of all combinations.
        places: of the weights, of the derivatives by scalars and their end, and of the result.
        workspace: entries.
    """

    values: LaneProgram
    code: Table
    seeds: Table
    derived: Table
    combinations: Table
    terms: Table
    places: tuple[int, int, int, int]
    workspace: int


@lru_cache(maxsize=64)
def assemble_lane_gradient(plan: Plan, sizes: tuple[int, ...], shape: tuple[int, int, int]) -> LaneGradient:
    """Lay out the gradient of a plan at given sizes (one for each node kind), of matrices (colours, rows, columns).

    >>> from pigmm.invariants.graphs.multigraph import Multigraph
    >>> from pigmm.invariants.evaluation.kernels.plan import plan
    >>> len(assemble_lane_gradient(plan((Multigraph([(0, 1)]),)), (4,), (1, 4, 4)).code)  # zeros, and ones added
    2
    """
    found = adjoint(plan)
    assembler = Assembler(found.steps, found.outputs, sizes)
    gradient = assembler.take(padded_length(prod(shape)))
    for colour, number in found.gradients.items():
        assembler.places[_beginning(found, number)] = gradient + colour * shape[1] * shape[2] * WIDTH
    weights = assembler.take(padded_length(len(found.outputs)))
    scalars = found.scalars()
    derivatives = {number: assembler.take(1) for number in scalars}
    forward = list(groups(found.steps[: found.forward]))
    # what the sweep reads stays; so do its results
    order = [*forward, *groups(found.steps, start=found.forward)]
    values = assembler.program(order, kept=found.gradients.values())
    buffer = assembler.take(padded_length(max(prod(shape), len(found.outputs))))
    derived = found.derived(assembler.places, derivatives)
    combinations, terms = found.combined(assembler.places, derivatives, sizes)
    return LaneGradient(
        values=LaneProgram(
            values.code[: len(forward)], values.dots, values.times, values.ones, values.outputs, buffer, assembler.end
        ),
        code=values.code[len(forward) :],
        seeds=np.array([derivatives[output] for output in found.outputs], dtype=np.int64),
        derived=np.array(derived, dtype=np.int64).reshape(-1, DERIVED),
        combinations=np.array(combinations, dtype=np.int64).reshape(-1, COMBINED),
        terms=np.array(terms, dtype=np.int64).reshape(-1, TERM),
        places=(weights, derivatives[scalars[0]], derivatives[scalars[-1]] + WIDTH, gradient),
        workspace=assembler.end,
    )


def _beginning(found: Adjoint, number: int) -> int:
    """The step that begins what a step is added to, whose place they share."""
    while found.steps[number].operation.startswith("add"):
        number = found.steps[number].inputs[0]
    return number


def run_lane_gradient(
    program: LaneGradient, matrices: Array, weights: Array, results: Array, gradients: Array
) -> float:
    """Differentiate on matrices (n, colours, rows, columns), into gradients of their shape; all C-contiguous.

    Args:
        program: of the shape of the matrices.
        matrices: (n, colours, rows, columns).
        weights: (n, len(graphs)), or (len(graphs),) for all matrices.
        results: (n, len(graphs)) for the values, too; (0, len(graphs)) without.
        gradients: as matrices.

    Returns:
        The sum of the entries that were read: finite only if all of them are.
    """
    workspace = aligned_empty(program.workspace)
    place, length = program.values.ones
    workspace[place : place + length * WIDTH] = 1
    result = program.places[-1]
    workspace[result : result + prod(matrices.shape[1:]) * WIDTH] = 0  # of matrices that are in no graph
    values = program.values
    total: float = run(
        (values.code, values.dots, values.times, values.outputs, values.buffer),
        (program.code, program.seeds, program.derived, program.combinations, program.terms, program.places),
        workspace,
        workspace.ctypes.data,
        matrices,
        weights,
        weights.ndim == 2,
        results,
        gradients,
    )
    return total
