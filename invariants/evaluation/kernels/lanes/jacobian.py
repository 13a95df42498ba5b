"""Derivatives of each invariant of small matrices, eight side by side."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from .....simd import aligned_empty
from ....graphs.multigraph import Multigraph
from ..jacobian import jacobian
from .jacobian_loops import run
from .program import Array, Assembler, LaneProgram, Table, groups
from .table import WIDTH


@dataclass(frozen=True, eq=False)
class LaneJacobian:
    """Values and parts, and then derivatives, as tables of instructions over one workspace.

    Args:
        values: the program of values and parts, in the workspace of both.
        code: (instructions, INSTRUCTION) int64, of the derivatives, the columns named in `table`.
    """

    values: LaneProgram
    code: Table


@lru_cache(maxsize=64)
def assemble_lane_jacobian(graphs: tuple[Multigraph, ...], sizes: tuple[int, ...], colours: int) -> LaneJacobian:
    """Lay out the derivatives of graphs at given sizes (one for each node kind), by so many matrices.

    >>> from pigmm.invariants.graphs.multigraph import Multigraph
    >>> len(assemble_lane_jacobian((Multigraph([(0, 1)]),), (4,), 1).code)  # zeros, ones added, written
    3
    """
    found = jacobian(graphs)
    assembler = Assembler(found.steps, (), sizes)
    for number, (graph, colour) in found.written.items():
        assembler.places[number] = graph * colours + colour
    forward = list(groups(found.steps[: found.forward]))
    program = assembler.program([*forward, *groups(found.steps, start=found.forward)], kept=found.written)
    return LaneJacobian(program.beginning(len(forward)), program.code[len(forward) :])


def run_lane_jacobian(program: LaneJacobian, matrices: Array, results: Array) -> None:
    """Differentiate on matrices (n, colours, rows, columns), into results (n, len(graphs), colours, rows, columns).

    What belongs to colours that a graph does not read is left as it is; all C-contiguous.
    """
    values = program.values
    workspace = aligned_empty(values.workspace)
    place, length = values.ones
    workspace[place : place + length * WIDTH] = 1
    flat = results.reshape(len(results), results.shape[1] * results.shape[2], -1)
    run(values.code, program.code, values.dots, values.times, workspace, workspace.ctypes.data, matrices, flat)
