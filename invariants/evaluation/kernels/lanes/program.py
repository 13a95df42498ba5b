"""Execute a plan on a batch of small matrices: eight side by side, one in each lane of a vector.

Nothing is compiled per plan: the plan becomes tables of instructions, and one compiled loop reads them, so that the
cost of reading an instruction is shared by eight matrices. Operations that read the same matrix or vector are done
together, up to four at a time.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod

import numpy as np
from numpy.typing import NDArray

from .....simd import aligned_empty
from ..adjoint import operands
from ..fusion import fused
from ..plan import Plan, Step
from .loops import run
from .table import (
    GROUP,
    INSTRUCTION,
    LEFT,
    LEFT_BY_COLUMN,
    LEFT_BY_ROW,
    MORE_RESULTS,
    MORE_RIGHT,
    OPERATION,
    OPERATIONS,
    RESULT,
    RESULT_COLUMNS,
    RESULT_ROWS,
    RIGHT,
    RIGHT_BY_COLUMN,
    RIGHT_BY_ROW,
    SCALARS,
    SUMMED,
    TOGETHER,
    WIDTH,
)

Table = NDArray[np.int64]
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LaneProgram:
    """A plan as tables of instructions over one workspace; places are entries of it.

    Args:
        code: (instructions, INSTRUCTION) int64, the columns named in `table`.
        dots: (groups, GROUP) int64: scalar products of four vectors with one.
        times: (products, SCALARS) int64: products of two scalars, in order.
        ones: (place, length) of a constant vector of ones.
        outputs: place of the first graph's scalar; the others follow in order.
        buffer: place where the results of eight matrices are put next to each other.
        workspace: entries.
    """

    code: Table
    dots: Table
    times: Table
    ones: tuple[int, int]
    outputs: int
    buffer: int
    workspace: int

    def beginning(self, instructions: int) -> LaneProgram:
        """The first of the instructions alone."""
        return replace(self, code=self.code[:instructions])


@lru_cache(maxsize=64)
def assemble_lanes(plan: Plan, sizes: tuple[int, ...]) -> LaneProgram:
    """Lay out a plan at given sizes (one for each node kind).

    The memory of a matrix is used again once it has been read for the last time; vectors and scalars are kept.

    >>> from pigmm.invariants.graphs.multigraph import Multigraph
    >>> from pigmm.invariants.evaluation.kernels.plan import plan
    >>> assemble_lanes(plan((Multigraph([(0, 1)]),)), (4,)).workspace // 8 - 2 * 8  # ones, a vector, a matrix
    24
    """
    found = fused(plan)
    return Assembler(found.steps, found.outputs, sizes).program(list(groups(found.steps)))


class Assembler:
    """Lays out steps at given sizes: where their values stand, and the tables of instructions."""

    def __init__(self, steps: tuple[Step, ...], outputs: tuple[int, ...], sizes: tuple[int, ...]) -> None:
        self.steps, self.outputs, self.sizes = steps, outputs, sizes
        self.end = 0
        self.places: dict[int, int] = {}
        self.ones = self.take(max(sizes))

    def program(self, groups: list[list[int]], kept: Iterable[int] = ()) -> LaneProgram:
        """The program of steps in groups; the memory of the matrices that are kept is not used again."""
        padded = padded_length(len(self.outputs))
        outputs, buffer, ones = self.take(padded), self.take(padded), self.ones
        copies = []
        for k, number in enumerate(self.outputs):
            place = outputs + k * WIDTH
            if number in self.places:  # the same graph again
                copies.append([place, self.places[number], ones])
            else:
                self.places[number] = place
        for number, step in enumerate(self.steps):
            if len(step.shape) < 2 and number not in self.places:
                self._place(number)
        times = [
            [self.places[number], *(self.places[i] for i in step.inputs)]
            for number, step in enumerate(self.steps)
            if step.operation == "times"
        ]
        dots = self._dots(ones)
        code = self._code(groups, frozenset(kept))
        return LaneProgram(
            code=np.array(code, dtype=np.int64).reshape(-1, INSTRUCTION),
            dots=np.array(dots, dtype=np.int64).reshape(-1, GROUP),
            times=np.array(times + copies, dtype=np.int64).reshape(-1, SCALARS),
            ones=(ones, max(self.sizes)),
            outputs=outputs,
            buffer=buffer,
            workspace=self.end,
        )

    def take(self, vectors: int) -> int:
        """The place of so many vectors."""
        self.end += WIDTH * vectors
        return self.end - WIDTH * vectors

    def _place(self, number: int, free: list[int] | None = None) -> None:
        """Find a place for a step: that of what it adds to, one that is free, or a new one."""
        step = self.steps[number]
        if step.operation.startswith("add"):
            self.places[number] = self.places[step.inputs[0]]
        elif step.operation == "ones":
            self.places[number] = self.ones
        else:
            self.places[number] = free.pop() if free else self.take(self._entries(number))

    def _entries(self, number: int) -> int:
        return prod(self.sizes[kind] for kind in self.steps[number].shape)

    def _code(self, groups: list[list[int]], kept: frozenset[int]) -> list[list[int]]:
        last = {i: n for n, group in enumerate(groups) for number in group for i in self.steps[number].inputs}
        free: dict[int, list[int]] = defaultdict(list)
        code = []
        for n, group in enumerate(groups):
            for number in group:
                if number not in self.places:
                    self._place(number, free[self._entries(number)])
            code.append(self._instruction(group))
            done = {i for number in group for i in (number, *self.steps[number].inputs)}
            if self.steps[group[0]].operation.startswith("add"):
                done.remove(self.steps[group[0]].inputs[0])  # its place is that of the result now
            for i in done - kept:
                if len(self.steps[i].shape) == 2 and last.get(i, n) == n:
                    free[self._entries(i)].append(self.places[i])
        return code

    def _instruction(self, group: list[int]) -> list[int]:
        step = self.steps[group[0]]
        row = [0] * INSTRUCTION
        row[RESULT] = self.places[group[0]]
        row[RESULT_ROWS], row[RESULT_COLUMNS] = [*(self.sizes[kind] for kind in step.shape), 1, 1][:2]
        if step.operation.startswith("add "):
            row[OPERATION] = OPERATIONS.index("add")
            found = [
                (self.places[i], self._strides(names, row[RESULT_ROWS], row[RESULT_COLUMNS]))
                for i, names in operands(step)
            ]
            (row[LEFT], left), (row[RIGHT], right) = [*found, (self.ones, (0, 0))][:2]
            row[LEFT_BY_ROW], row[LEFT_BY_COLUMN], row[RIGHT_BY_ROW], row[RIGHT_BY_COLUMN] = *left, *right
            return row
        places = [self.places[i] for i in step.inputs] or [step.colour]
        row[OPERATION] = OPERATIONS.index(step.operation)
        row[LEFT], row[RIGHT] = [*places, 0][:2]
        row[SUMMED] = self._summed_length(step)
        if step.operation in ("apply", "apply_transposed"):
            others = [*group[1:], *[group[-1]] * (TOGETHER - len(group))]
            for k, i in enumerate(others):
                row[MORE_RIGHT + k], row[MORE_RESULTS + k] = self.places[self.steps[i].inputs[1]], self.places[i]
        return row

    @staticmethod
    def _strides(names: str, rows: int, columns: int) -> tuple[int, int]:
        """Steps of an operand of an entrywise product, from row to row and from column to column of the result."""
        return {"ij": (columns, 1), "ji": (1, rows), "i": (1, 0), "j": (0, 1), "": (0, 0)}[names]

    def _summed_length(self, step: Step) -> int:
        """Length of the index that a step sums over, 1 if there is none."""
        if step.operation in ("apply", "apply_transposed"):
            return self.sizes[self.steps[step.inputs[1]].shape[0]]
        if step.operation in ("rows", "row_dots", "row_dots_transposed", "product", "product_transposed"):
            return self.sizes[self.steps[step.inputs[0]].shape[1]]
        if step.operation in ("columns", "transposed_product"):
            return self.sizes[self.steps[step.inputs[0]].shape[0]]
        return 1

    def _dots(self, ones: int) -> list[list[int]]:
        """Dots, and sums as dots with ones, in groups of four that share a vector."""
        pairs: dict[int, set[tuple[int, int, int]]] = defaultdict(set)
        for number, step in enumerate(self.steps):
            if step.operation in ("sum", "dot"):
                x, y = [*(self.places[i] for i in step.inputs), ones][:2]
                pairs[self._entries(step.inputs[0])].add((x, y, self.places[number]))
        dots = []
        for length, found in sorted(pairs.items()):
            counts = Counter(place for x, y, _ in found for place in {x, y})
            taken: dict[int, list[tuple[int, int]]] = defaultdict(list)
            for x, y, out in sorted(found):
                shared, other = (x, y) if counts[x] >= counts[y] else (y, x)
                taken[shared].append((other, out))
            for shared, others in taken.items():
                for first in range(0, len(others), TOGETHER):
                    group = others[first : first + TOGETHER]
                    group += group[-1:] * (TOGETHER - len(group))
                    dots.append([length, shared, *(other for other, _ in group), *(out for _, out in group)])
        return dots


def groups(steps: tuple[Step, ...], start: int = 0) -> Iterable[list[int]]:
    """The steps that make matrices and vectors, in an order ready to execute, matrix times vector up to four at a time.

    A product of matrices waits until nothing else is left to do, so that few matrices are in use at a time. What comes
    before `start` is done.
    """
    done = {number for number, step in enumerate(steps) if number < start or step.operation in ("combination", "ones")}
    pending = [number for number, step in enumerate(steps) if step.shape and number not in done]
    while pending:
        products: list[int] = []
        together: dict[tuple[int, str], list[int]] = defaultdict(list)
        before = len(done)
        for number in pending:
            step = steps[number]
            if done.issuperset(step.inputs):
                if step.operation in ("apply", "apply_transposed"):
                    together[step.inputs[0], step.operation].append(number)
                elif step.operation in ("product", "product_transposed", "transposed_product"):
                    products.append(number)
                else:
                    yield [number]
                    done.add(number)
        for found in together.values():
            for first in range(0, len(found), TOGETHER):
                yield found[first : first + TOGETHER]
            done.update(found)
        if len(done) == before:
            yield products[:1]
            done.update(products[:1])
        pending = [number for number in pending if number not in done]


def padded_length(count: int) -> int:
    """So many numbers in whole vectors."""
    return -(-count // WIDTH) * WIDTH


def run_lanes(program: LaneProgram, matrices: Array, results: Array) -> float:
    """Evaluate a program on matrices (n, colours, rows, columns), into results (n, len(graphs)); both C-contiguous.

    Returns the sum of the entries that were read: finite only if all of them are.
    """
    workspace = aligned_empty(program.workspace)
    place, length = program.ones
    workspace[place : place + length * WIDTH] = 1
    total: float = run(
        program.code,
        program.dots,
        program.times,
        program.outputs,
        program.buffer,
        workspace,
        workspace.ctypes.data,
        matrices,
        results,
    )
    return total
