"""Execute a plan on a batch of small matrices: eight side by side, one in each lane of a vector.

Nothing is compiled per plan: the plan becomes tables of instructions, and one compiled loop reads them, so that the
cost of reading an instruction is shared by eight matrices. Operations that read the same matrix or vector are done
together, up to four at a time.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from math import prod

import numpy as np
from numpy.typing import NDArray

from ....simd import aligned_empty
from .fusion import fused
from .lane_loops import run
from .lane_table import (
    GROUP,
    INSTRUCTION,
    LEFT,
    MORE_RESULTS,
    MORE_RIGHT,
    OPERATION,
    OPERATIONS,
    RESULT,
    RESULT_COLUMNS,
    RESULT_ROWS,
    RIGHT,
    SCALARS,
    SUMMED,
    TOGETHER,
)
from .plan import Plan, Step
from .width import WIDTH

Table = NDArray[np.int64]
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LaneProgram:
    """A plan as tables of instructions over one workspace; places are entries of it.

    Args:
        code: (instructions, INSTRUCTION) int64, the columns named in `lane_table`.
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


@lru_cache(maxsize=64)
def assemble_lanes(plan: Plan, sizes: tuple[int, ...]) -> LaneProgram:
    """Lay out a plan at given sizes (one for each node kind).

    The memory of a matrix is used again once it has been read for the last time; vectors and scalars are kept.

    >>> from pigmm.invariants.graphs.multigraph import Multigraph
    >>> from pigmm.invariants.evaluation.kernels.plan import plan
    >>> assemble_lanes(plan((Multigraph([(0, 1)]),)), (4,)).workspace // 8 - 2 * 8  # ones, a vector, a matrix
    24
    """
    return _Assembler(fused(plan), sizes).program()


class _Assembler:
    def __init__(self, plan: Plan, sizes: tuple[int, ...]) -> None:
        self.steps, self.outputs, self.sizes = plan.steps, plan.outputs, sizes
        self.end = 0
        self.places: dict[int, int] = {}

    def program(self) -> LaneProgram:
        padded = -(-len(self.outputs) // WIDTH) * WIDTH
        outputs, buffer = self._take(padded), self._take(padded)
        ones = self._take(max(self.sizes))
        copies = []
        for k, number in enumerate(self.outputs):
            place = outputs + k * WIDTH
            if number in self.places:  # the same graph again
                copies.append([place, self.places[number], ones])
            else:
                self.places[number] = place
        for number, step in enumerate(self.steps):
            if len(step.shape) < 2 and number not in self.places:
                self.places[number] = self._take(prod(self.sizes[kind] for kind in step.shape))
        times = [
            [self.places[number], *(self.places[i] for i in step.inputs)]
            for number, step in enumerate(self.steps)
            if step.operation == "times"
        ]
        dots = self._dots(ones)
        code = self._code(list(_groups(self.steps)))
        return LaneProgram(
            code=np.array(code, dtype=np.int64).reshape(-1, INSTRUCTION),
            dots=np.array(dots, dtype=np.int64).reshape(-1, GROUP),
            times=np.array(times + copies, dtype=np.int64).reshape(-1, SCALARS),
            ones=(ones, max(self.sizes)),
            outputs=outputs,
            buffer=buffer,
            workspace=self.end,
        )

    def _take(self, vectors: int) -> int:
        self.end += WIDTH * vectors
        return self.end - WIDTH * vectors

    def _entries(self, number: int) -> int:
        return prod(self.sizes[kind] for kind in self.steps[number].shape)

    def _code(self, groups: list[list[int]]) -> list[list[int]]:
        last = {i: n for n, group in enumerate(groups) for number in group for i in self.steps[number].inputs}
        free: dict[int, list[int]] = defaultdict(list)
        code = []
        for n, group in enumerate(groups):
            for number in group:
                if number not in self.places:
                    entries = self._entries(number)
                    self.places[number] = free[entries].pop() if free[entries] else self._take(entries)
            code.append(self._instruction(group))
            for i in {i for number in group for i in (number, *self.steps[number].inputs)}:
                if len(self.steps[i].shape) == 2 and last.get(i, n) == n:
                    free[self._entries(i)].append(self.places[i])
        return code

    def _instruction(self, group: list[int]) -> list[int]:
        step = self.steps[group[0]]
        operands = [self.places[i] for i in step.inputs] or [step.colour]
        row = [0] * INSTRUCTION
        row[OPERATION], row[RESULT] = OPERATIONS.index(step.operation), self.places[group[0]]
        row[LEFT], row[RIGHT] = [*operands, 0][:2]
        row[RESULT_ROWS], row[RESULT_COLUMNS] = [*(self.sizes[kind] for kind in step.shape), 1, 1][:2]
        row[SUMMED] = self._summed_length(step)
        if step.operation in ("apply", "apply_transposed"):
            others = [*group[1:], *[group[-1]] * (TOGETHER - len(group))]
            for k, i in enumerate(others):
                row[MORE_RIGHT + k], row[MORE_RESULTS + k] = self.places[self.steps[i].inputs[1]], self.places[i]
        return row

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


def _groups(steps: tuple[Step, ...]) -> Iterable[list[int]]:
    """The steps that make matrices and vectors, in an order ready to execute, matrix times vector up to four at a time.

    A product of matrices waits until nothing else is left to do, so that few matrices are in use at a time.
    """
    pending = [number for number, step in enumerate(steps) if step.shape]
    done: set[int] = set()
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
