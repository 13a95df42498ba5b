"""Execute a plan on one matrix at a time, in strips of eight rows: sizes at which a row fills several registers.

Matrices lie row by row, padded with zeros to whole vectors. The products of matrices come first. Every other operation
of a round (entrywise products, sums of rows and columns, matrix times vector) runs in one pass over the matrices:
a block of eight rows and at most 128 columns after another, so that what one operation makes the next one finds in
the nearest cache. Nothing is compiled per plan: one compiled loop reads a table of instructions.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from ....simd import aligned_empty
from .fusion import fused
from .plan import Plan
from .strip_loops import DEPTH, begin, finish, perform, run
from .strip_schedule import Action, Buffer, schedule
from .strip_table import (
    BLOCK_HEIGHT,
    BLOCK_WIDTH,
    BY_BLOCK,
    BY_PART,
    BY_STRIP,
    COPIES,
    COPIES_BY_PART,
    DIAGONAL,
    DIVIDED,
    ENTRIES,
    GROUP,
    INPUT,
    INSTRUCTION,
    LEFT,
    MERGE,
    MIRROR,
    MULTIPLY,
    OPERATION,
    OPERATIONS,
    PASS,
    PLACE,
    PRODUCT,
    RESULT,
    RIGHT,
    SCALARS,
    STEPS,
    STRIDE,
    STRIPS,
    SUMMED,
    SYMMETRIC,
    TRANSPOSE,
    VECTORS,
)
from .width import WIDTH

_TILE = 16  # vectors in a strip of a block: blocks of 8 KB, a handful of which stay in the first-level cache
# A large matrix is divided into parts, which several threads may work on; how many does not depend on the threads,
# so neither do the results.
_PARTS = 4
_STRIPS_TO_DIVIDE = 32

# Workspaces that threads have done with, for the next, of so many entries at most (64 MB); a list, whose pop and append
# threads cannot get between.
_SPARE: list[NDArray[np.float64]] = []
_KEPT, _KEPT_ENTRIES = 8, 1 << 23

Table = NDArray[np.int64]
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class StripProgram:
    """A plan as tables of instructions over one workspace; places are entries of it.

    Args:
        code: (instructions, INSTRUCTION) int64, the columns named in `strip_table`.
        dots: (groups, GROUP) int64: scalar products of eight pairs of vectors.
        times: (products, SCALARS) int64: products of two scalars, in order.
        outputs: (len(graphs),) places of the graphs' scalars.
        inputs: (matrices, INPUT) int64: where each input matrix lies, by its number.
        vectors: where the vectors begin and end; sums are accumulated in them, so they begin as zeros.
        ones: (kinds, 2): places and lengths of constant vectors of ones.
        workspace: entries.
        parts: into how many parts passes and products are divided.
    """

    code: Table
    dots: Table
    times: Table
    outputs: Table
    inputs: Table
    vectors: tuple[int, int]
    ones: Table
    workspace: int
    parts: int

    @contextmanager
    def workspace_in_use(self) -> Iterator[Array]:
        """Memory that a thread runs the program in. The last used is kept: fresh memory costs time to be made."""
        try:
            workspace = _SPARE.pop()
        except IndexError:
            workspace = np.empty(0)
        if len(workspace) != self.workspace:
            workspace = aligned_empty(self.workspace)
        for place, length in self.ones:
            workspace[place : place + _vectors(int(length)) * WIDTH] = 0
            workspace[place : place + length] = 1
        yield workspace
        if len(_SPARE) < _KEPT and len(workspace) <= _KEPT_ENTRIES:
            _SPARE.append(workspace)


class _Memory:
    """Places of a workspace; a place that is given back is used again for the same number of entries."""

    def __init__(self) -> None:
        self.end = 0
        self._free: dict[int, list[int]] = {}

    def take(self, entries: int) -> int:
        if self._free.get(entries):
            return self._free[entries].pop()
        self.end += entries
        return self.end - entries

    def give_back(self, place: int, entries: int) -> None:
        self._free.setdefault(entries, []).append(place)


@dataclass(frozen=True)
class _Layout:
    """Where a matrix lies: strips of eight rows, vectors of eight columns, and from row to row a stride in entries."""

    strips: int
    vectors: int

    @property
    def stride(self) -> int:
        # rows a multiple of 64 entries apart would share few places of the first-level cache
        return WIDTH * (self.vectors + (self.vectors % 8 == 0))

    @property
    def entries(self) -> int:
        return WIDTH * self.strips * self.stride

    @property
    def block(self) -> int:
        """Vectors in a block of columns."""
        blocks = -(-self.vectors // _TILE)
        return -(-self.vectors // blocks)

    @property
    def height(self) -> int:
        """Strips in a block."""
        return min(self.strips, max(1, _TILE // self.block))


@lru_cache(maxsize=64)
def assemble_strips(plan: Plan, sizes: tuple[int, ...]) -> StripProgram:
    """Lay out a plan at given sizes (one for each node kind).

    >>> from pigmm.invariants.graphs.multigraph import Multigraph
    >>> from pigmm.invariants.evaluation.kernels.plan import plan
    >>> assemble_strips(plan((Multigraph([(0, 1), (1, 2), (2, 0)]),)), (20,)).parts  # large ones have 4
    1
    """
    return _Assembler(fused(plan), sizes).program()


class _Assembler:
    def __init__(self, plan: Plan, sizes: tuple[int, ...]) -> None:
        self.steps, self.outputs, self.sizes = plan.steps, plan.outputs, sizes
        self.actions = schedule(plan.steps)
        self.layouts: dict[tuple[int, ...], _Layout] = {
            (k, l): _Layout(_vectors(rows), _vectors(columns))
            for k, rows in enumerate(sizes)
            for l, columns in enumerate(sizes)
        }
        self.parts = 1 if max(sizes) < WIDTH * _STRIPS_TO_DIVIDE else _PARTS
        self.code: list[list[int]] = []
        self.memory = _Memory()
        self.vectors: dict[int, int] = {}
        self.scalars: dict[int, int] = {}
        self.places: dict[Buffer, int] = {}
        # each part has memory of its own for what a product copies (two columns of vectors, its strips), or for the
        # blocks of a pass
        strips = -(-_vectors(max(sizes)) // self.parts)
        self.scratch = WIDTH * DEPTH * (2 + strips)
        self.scratch_places: list[tuple[int, int, int]] = []  # row of the code, columns of such a place and of its step

    def program(self) -> StripProgram:
        ones = np.array([[self.memory.take(_vectors(n) * WIDTH), n] for n in self.sizes], dtype=np.int64)
        start = self.memory.end
        for number, step in enumerate(self.steps):
            if len(step.shape) == 1:
                parts = self.parts if step.operation in ("columns", "apply_transposed") else 1
                self.vectors[number] = self.memory.take(parts * _vectors(self.sizes[step.shape[0]]) * WIDTH)
        vectors = (start, self.memory.end)
        dots, times = self._scalar_tables(ones)
        inputs = self._matrices()
        code = np.array(self.code, dtype=np.int64).reshape(-1, INSTRUCTION)
        for row, place, by_part in self.scratch_places:
            code[row, place] += self.memory.end
            code[row, by_part] = self.scratch
        return StripProgram(
            code=code,
            dots=dots,
            times=times,
            outputs=np.array([self.scalars[n] for n in self.outputs], dtype=np.int64),
            inputs=inputs,
            vectors=vectors,
            ones=ones,
            workspace=self.memory.end + self.parts * self.scratch,
            parts=self.parts,
        )

    def _scalar_tables(self, ones: Table) -> tuple[Table, Table]:
        """Sums and dots in groups of eight of one length (the last of a group may repeat), and products of scalars."""
        pairs: dict[int, list[tuple[int, int, int]]] = {}
        for number, step in enumerate(self.steps):
            if step.operation in ("sum", "dot"):
                kind = self.steps[step.inputs[0]].shape[0]
                x = self.vectors[step.inputs[0]]
                y = self.vectors[step.inputs[1]] if step.operation == "dot" else int(ones[kind, 0])
                pairs.setdefault(kind, []).append((number, x, y))
        dots = []
        for kind, found in pairs.items():
            for first in range(0, len(found), WIDTH):
                group = found[first : first + WIDTH]
                place = self.memory.take(WIDTH)
                for lane, (number, _, _) in enumerate(group):
                    self.scalars[number] = place + lane
                group += group[-1:] * (WIDTH - len(group))
                dots.append([place, _vectors(self.sizes[kind]), *(p for _, x, y in group for p in (x, y))])
        times = []
        for number, step in enumerate(self.steps):
            if step.operation == "times":
                self.scalars[number] = self.memory.take(1)
                times.append([self.scalars[number], *(self.scalars[i] for i in step.inputs)])
        self.memory.end += -self.memory.end % WIDTH
        return np.array(dots, dtype=np.int64).reshape(-1, GROUP), np.array(times, dtype=np.int64).reshape(-1, SCALARS)

    def _matrices(self) -> Table:
        """Emit the actions, giving back the memory of a matrix after the last action that reads it."""
        last = {buffer: n for n, action in enumerate(self.actions) for buffer in action.reads | action.writes}
        inputs: dict[int, list[int]] = {}
        for number, step in enumerate(self.steps):
            if step.operation == "input":
                layout = self._layout(Buffer(number))
                self._place(Buffer(number))
                inputs[step.colour] = [self.places[Buffer(number)], layout.strips, layout.vectors, layout.stride]
        emit = {
            "product": self._product,
            "transpose": self._transpose,
            "pass": self._pass,
            "diagonal": self._diagonal,
            "multiply": self._multiply,
        }
        for n, action in enumerate(self.actions):
            for buffer in sorted(action.writes - self.places.keys(), key=lambda b: b.step):
                self._place(buffer)
            emit[action.operation](action)
            for buffer in sorted(action.reads | action.writes, key=lambda b: b.step):
                if last[buffer] == n:
                    self.memory.give_back(self.places[buffer], self._layout(buffer).entries)
        absent = [0] * INPUT
        return np.array([inputs.get(k, absent) for k in range(max(inputs, default=-1) + 1)], dtype=np.int64)

    def _emit(self, operation: int, columns: dict[int, int]) -> None:
        row = [0] * INSTRUCTION
        row[OPERATION] = operation
        for column, value in columns.items():
            row[column] = value
        self.code.append(row)

    def _layout(self, buffer: Buffer) -> _Layout:
        shape = self.steps[buffer.step].shape
        return self.layouts[shape[::-1] if buffer.transposed else shape]

    def _place(self, buffer: Buffer) -> None:
        self.places[buffer] = self.memory.take(self._layout(buffer).entries)

    def _product(self, action: Action) -> None:
        (number,) = action.steps
        operation, (left, right) = self.steps[number].operation, self.steps[number].inputs
        a = Buffer(left, transposed=operation != "transposed_product")
        b = Buffer(right, transposed=operation == "product_transposed")
        layout = self._layout(Buffer(number))
        summed = self.sizes[self.steps[left].shape[1 if a.transposed else 0]]
        symmetric = left == right and operation != "product"
        out = self._matrix(RESULT, Buffer(number)) | {STRIPS: layout.strips, VECTORS: layout.vectors}
        factors = self._matrix(LEFT, a) | self._matrix(RIGHT, b)
        self.scratch_places.append((len(self.code), COPIES, COPIES_BY_PART))
        self._emit(PRODUCT, out | factors | {SUMMED: summed, SYMMETRIC: int(symmetric)})
        if symmetric:
            self._emit(MIRROR, out)

    def _matrix(self, operand: int, buffer: Buffer) -> dict[int, int]:
        """Columns of an operand between passes."""
        return {operand + PLACE: self.places[buffer], operand + STRIDE: self._layout(buffer).stride}

    def _transpose(self, action: Action) -> None:
        (source,), (target,) = action.reads, action.writes
        layout = self._layout(target)
        extent = {STRIPS: layout.strips, VECTORS: layout.vectors}
        self._emit(TRANSPOSE, self._matrix(RESULT, target) | extent | self._matrix(LEFT, source))

    def _diagonal(self, action: Action) -> None:
        (number,) = action.steps
        source = Buffer(self.steps[number].inputs[0])
        length = self.sizes[self.steps[number].shape[0]]
        self._emit(DIAGONAL, {RESULT + PLACE: self.vectors[number], ENTRIES: length} | self._matrix(LEFT, source))

    def _multiply(self, action: Action) -> None:
        (number,) = action.steps
        places = zip((RESULT, LEFT, RIGHT), (number, *self.steps[number].inputs), strict=True)
        length = _vectors(self.sizes[self.steps[number].shape[0]])
        self._emit(MULTIPLY, {operand + PLACE: self.vectors[i] for operand, i in places} | {VECTORS: length})

    def _pass(self, action: Action) -> None:
        swept = self.steps[action.steps[0]]
        layout = self.layouts[swept.shape if len(swept.shape) == 2 else self.steps[swept.inputs[0]].shape]
        extent = {STRIPS: layout.strips, VECTORS: layout.vectors}
        block = {BLOCK_WIDTH: layout.block, BLOCK_HEIGHT: layout.height}
        self._emit(PASS, {STEPS: len(action.steps)} | extent | block)
        width = WIDTH * layout.block
        tile = WIDTH * layout.height * width
        last = {i: number for number in action.steps for i in self.steps[number].inputs}
        memory, blocks = _Memory(), dict[int, int]()
        for number in action.steps:
            step = self.steps[number]
            transposed = step.operation.endswith("_transposed") and len(self.steps[step.inputs[1]].shape) == 2
            operation = step.operation.removesuffix("_transposed") if transposed else step.operation
            if len(step.shape) == 2 and Buffer(number) not in action.writes:
                blocks[number] = memory.take(tile)
            columns: dict[int, int] = {}
            for operand, i in zip((RESULT, LEFT, RIGHT), (number, *step.inputs), strict=False):
                buffer = Buffer(i, transposed=transposed and operand == RIGHT)
                if i in blocks and not buffer.transposed:
                    self.scratch_places.append((len(self.code), operand + PLACE, operand + BY_PART))
                    columns |= {operand + PLACE: blocks[i], operand + STRIDE: width}
                elif len(self.steps[i].shape) == 2:
                    steps = {operand + BY_STRIP: WIDTH * self._layout(buffer).stride, operand + BY_BLOCK: width}
                    columns |= self._matrix(operand, buffer) | steps
                elif self._is_along_rows(operation, operand):
                    columns |= {operand + PLACE: self.vectors[i], operand + BY_STRIP: WIDTH}
                else:
                    columns |= {operand + PLACE: self.vectors[i], operand + BY_BLOCK: width}
                    if operand == RESULT:
                        columns[operand + BY_PART] = WIDTH * layout.vectors
            self._emit(OPERATIONS.index(operation), columns)
            for i in {i for i in (number, *step.inputs) if last.get(i, number) == number and i in blocks}:
                memory.give_back(blocks.pop(i), tile)
        self.scratch = max(self.scratch, memory.end)
        for number in action.steps:
            if self.parts > 1 and self.steps[number].operation in ("columns", "apply_transposed"):
                self._emit(MERGE, {RESULT + PLACE: self.vectors[number], VECTORS: layout.vectors})

    @staticmethod
    def _is_along_rows(operation: str, operand: int) -> bool:
        """Whether a vector has an entry for each row: the result of sums over columns, what scales or weights rows."""
        if operand == RESULT:
            return operation in ("rows", "row_dots", "apply")
        return operation in ("apply_transposed", "scale_rows")


def _vectors(length: int) -> int:
    return -(-length // WIDTH)


def run_strips(program: StripProgram, matrices: Array, results: Array) -> float:
    """Evaluate a program on matrices (n, colours, rows, columns), C-contiguous, into results (n, len(graphs)).

    Returns the sum of the entries that were read: finite only if all of them are.
    """
    tables = program.inputs, program.vectors, program.code, program.dots, program.times, program.outputs
    with program.workspace_in_use() as workspace:
        total: float = run(*tables, program.parts, workspace, matrices, results)
    return total


def run_strips_in_parts(program: StripProgram, matrices: Array, results: Array, pool: Executor) -> float:
    """The same results, bit for bit, with the parts of each matrix spread over the threads of a pool."""
    total = 0.0
    with program.workspace_in_use() as workspace:
        for matrix, result in zip(matrices, results, strict=True):
            total += begin(program.inputs, program.vectors, workspace, matrix)
            step = 0
            while step < len(program.code):
                action = partial(perform, program.code, step, workspace, parts=program.parts)
                # of an instruction for one part the others have nothing to do
                parts = program.parts if program.code[step, OPERATION] in DIVIDED else 1
                step = max(pool.map(action, range(parts))) if parts > 1 else action(0)
            finish(program.dots, program.times, program.outputs, workspace, result)
    return total
