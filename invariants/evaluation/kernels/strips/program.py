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
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from .....simd import aligned_empty
from ..adjoint import operands
from ..fusion import fused
from ..plan import Plan, Step
from .loops import DEPTH, begin, finish, perform, run
from .schedule import Action, Buffer, reads_transposed, schedule
from .table import (
    ADD_MULTIPLIED,
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
    WIDTH,
)

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
        code: (instructions, INSTRUCTION) int64, the columns named in `table`.
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

    @property
    def tables(self) -> tuple[Table, tuple[int, int], Table, Table, Table, Table]:
        """What the compiled loop reads."""
        return self.inputs, self.vectors, self.code, self.dots, self.times, self.outputs

    def beginning(self, instructions: int) -> StripProgram:
        """The first of the instructions alone."""
        return replace(self, code=self.code[:instructions])

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
            workspace[place : place + vectors_of(int(length)) * WIDTH] = 0
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
    found = fused(plan)
    return Assembler(found.steps, found.outputs, sizes).program(schedule(found.steps))


class Assembler:
    """Lays out steps at given sizes: where their values stand, and the tables of instructions."""

    def __init__(self, steps: tuple[Step, ...], outputs: tuple[int, ...], sizes: tuple[int, ...]) -> None:
        self.steps, self.outputs, self.sizes = steps, outputs, sizes
        self.layouts: dict[tuple[int, ...], _Layout] = {
            (k, l): _Layout(vectors_of(rows), vectors_of(columns))
            for k, rows in enumerate(sizes)
            for l, columns in enumerate(sizes)
        }
        self.parts = 1 if max(sizes) < WIDTH * _STRIPS_TO_DIVIDE else _PARTS
        self.code: list[list[int]] = []
        self.memory = _Memory()
        self.vectors: dict[int, int] = {}
        self.scalars: dict[int, int] = {}
        self.places: dict[Buffer, int] = {}
        self.ends = _ends(steps)
        self.beginnings: list[int] = []  # of the actions in the code
        # each part has memory of its own for what a product copies (two columns of vectors, its strips), or for the
        # blocks of a pass
        strips = -(-vectors_of(max(sizes)) // self.parts)
        self.scratch = WIDTH * DEPTH * (2 + strips)
        self.scratch_places: list[tuple[int, int, int]] = []  # row of the code, columns of such a place and of its step

    def program(self, actions: list[Action], kept: frozenset[int] = frozenset()) -> StripProgram:
        """The program of actions in order; the memory of the matrices that are kept is not used again."""
        ones = np.array([[self.memory.take(vectors_of(n) * WIDTH), n] for n in self.sizes], dtype=np.int64)
        self.ones = [int(place) for place in ones[:, 0]]
        start = self.memory.end
        for number, step in enumerate(self.steps):
            if step.operation == "ones":
                self.vectors[number] = self.ones[step.shape[0]]
            elif len(step.shape) == 1 and step.operation.startswith("add "):
                self.vectors[number] = self.vectors[step.inputs[0]]  # which it is added to
            elif len(step.shape) == 1:
                parts = self.parts if step.operation in ("columns", "apply_transposed") else 1
                self.vectors[number] = self.memory.take(parts * vectors_of(self.sizes[step.shape[0]]) * WIDTH)
        vectors = (start, self.memory.end)
        dots, times = self._scalar_tables(ones)
        inputs = self._matrices(actions, kept)
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
                dots.append([place, vectors_of(self.sizes[kind]), *(p for _, x, y in group for p in (x, y))])
        times = []
        for number, step in enumerate(self.steps):
            if step.operation == "times":
                self.scalars[number] = self.memory.take(1)
                times.append([self.scalars[number], *(self.scalars[i] for i in step.inputs)])
        self.memory.end += -self.memory.end % WIDTH
        return np.array(dots, dtype=np.int64).reshape(-1, GROUP), np.array(times, dtype=np.int64).reshape(-1, SCALARS)

    def _matrices(self, actions: list[Action], kept: frozenset[int]) -> Table:
        """Emit the actions, giving back the memory of a matrix after the last action that reads it."""
        last = {buffer: n for n, action in enumerate(actions) for buffer in action.reads | action.writes}
        inputs: dict[int, list[int]] = {}
        for number, step in enumerate(self.steps):
            if step.operation == "input":
                layout = self.layout(Buffer(number))
                self._place(Buffer(number))
                inputs[step.colour] = [self.places[Buffer(number)], layout.strips, layout.vectors, layout.stride]
        emit = {
            "product": self._product,
            "transpose": self._transpose,
            "pass": self._pass,
            "diagonal": self._diagonal,
        }
        for n, action in enumerate(actions):
            self.beginnings.append(len(self.code))
            for buffer in sorted(action.writes - self.places.keys(), key=lambda b: b.step):
                self._place(buffer)
            emit.get(action.operation, self._multiply)(action)
            for buffer in sorted(action.reads | action.writes, key=lambda b: b.step):
                if last[buffer] == n and buffer.step not in kept:
                    self.memory.give_back(self.places[buffer], self.layout(buffer).entries)
        absent = [0] * INPUT
        return np.array([inputs.get(k, absent) for k in range(max(inputs, default=-1) + 1)], dtype=np.int64)

    def _emit(self, operation: int, columns: dict[int, int]) -> None:
        row = [0] * INSTRUCTION
        row[OPERATION] = operation
        for column, value in columns.items():
            row[column] = value
        self.code.append(row)

    def layout(self, buffer: Buffer) -> _Layout:
        """How a matrix lies."""
        shape = self.steps[buffer.step].shape
        return self.layouts[shape[::-1] if buffer.transposed else shape]

    def _place(self, buffer: Buffer) -> None:
        self.places[buffer] = self.memory.take(self.layout(buffer).entries)

    def _product(self, action: Action) -> None:
        (number,) = action.steps
        operation, (left, right) = self.steps[number].operation, self.steps[number].inputs
        a = Buffer(left, transposed=operation != "transposed_product")
        b = Buffer(right, transposed=operation == "product_transposed")
        layout = self.layout(Buffer(number))
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
        return {operand + PLACE: self.places[buffer], operand + STRIDE: self.layout(buffer).stride}

    def _transpose(self, action: Action) -> None:
        (source,), (target,) = action.reads, action.writes
        layout = self.layout(target)
        extent = {STRIPS: layout.strips, VECTORS: layout.vectors}
        self._emit(TRANSPOSE, self._matrix(RESULT, target) | extent | self._matrix(LEFT, source))

    def _diagonal(self, action: Action) -> None:
        (number,) = action.steps
        source = Buffer(self.steps[number].inputs[0])
        length = self.sizes[self.steps[number].shape[0]]
        self._emit(DIAGONAL, {RESULT + PLACE: self.vectors[number], ENTRIES: length} | self._matrix(LEFT, source))

    def _multiply(self, action: Action) -> None:
        (number,) = action.steps
        step = self.steps[number]
        operation, factors = MULTIPLY, [self.vectors[i] for i in step.inputs]
        if step.operation != "multiply":
            operation, factors = ADD_MULTIPLIED, [*factors[1:], self.ones[step.shape[0]]][:2]
        places = zip((RESULT, LEFT, RIGHT), (self.vectors[number], *factors), strict=True)
        columns = {operand + PLACE: place for operand, place in places}
        self._emit(operation, columns | {VECTORS: vectors_of(self.sizes[step.shape[0]])})

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
            end = self.ends.get(number, number)
            if len(step.shape) == 2 and Buffer(end) not in action.writes and end not in blocks:
                blocks[end] = memory.take(tile)
            operation, reads = _operation_and_reads(step)
            columns: dict[int, int] = {}
            for operand, (i, transposed) in zip((RESULT, LEFT, RIGHT), ((end, False), *reads), strict=False):
                buffer = Buffer(i, transposed=transposed)
                if i in blocks and not transposed:
                    self.scratch_places.append((len(self.code), operand + PLACE, operand + BY_PART))
                    columns |= {operand + PLACE: blocks[i], operand + STRIDE: width}
                elif len(self.steps[i].shape) == 2:
                    steps = {operand + BY_STRIP: WIDTH * self.layout(buffer).stride, operand + BY_BLOCK: width}
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
        if operand == LEFT:
            return operation in ("add_outer", "add_diagonal")
        return operation in ("apply_transposed", "scale_rows", "add_scaled_rows")


def _operation_and_reads(step: Step) -> tuple[str, list[tuple[int, bool]]]:
    """The operation of a pass that a step is, and what it reads besides its result, transposed or not."""
    if step.operation == "add_diagonal":
        return step.operation, [(step.inputs[1], False)]
    reads = [(i, reads_transposed(step, place)) for place, i in enumerate(step.inputs)]
    if step.operation.startswith("add "):
        names = [name for _, name in operands(step)]
        operation = "add" if len(names) == 1 else "add_hadamard"
        if "i" in names:
            operation = "add_outer" if names[0] == "i" else "add_scaled_rows"
        return operation, reads[1:]
    return step.operation.removesuffix("_transposed") if any(t for _, t in reads) else step.operation, reads


def _ends(steps: tuple[Step, ...]) -> dict[int, int]:
    """For each matrix that others are added to, the last of them: they all stand in one place."""
    ends: dict[int, int] = {}
    for number in reversed(range(len(steps))):
        step = steps[number]
        if len(step.shape) == 2 and step.operation.startswith(("zeros", "add")):
            end = ends.setdefault(number, number)
            if step.operation != "zeros":
                ends[step.inputs[0]] = end
    return ends


def vectors_of(length: int) -> int:
    return -(-length // WIDTH)


def run_strips(program: StripProgram, matrices: Array, results: Array) -> float:
    """Evaluate a program on matrices (n, colours, rows, columns), C-contiguous, into results (n, len(graphs)).

    Returns the sum of the entries that were read: finite only if all of them are.
    """
    with program.workspace_in_use() as workspace:
        total: float = run(*program.tables, program.parts, workspace, matrices, results)
    return total


def run_strips_in_parts(program: StripProgram, matrices: Array, results: Array, pool: Executor) -> float:
    """The same results, bit for bit, with the parts of each matrix spread over the threads of a pool."""
    total = 0.0
    with program.workspace_in_use() as workspace:
        for matrix, result in zip(matrices, results, strict=True):
            total += begin(program.inputs, program.vectors, workspace, matrix)
            perform_in_parts(program.code, program.parts, workspace, pool)
            finish(program.dots, program.times, program.outputs, workspace, result)
    return total


def perform_in_parts(code: Table, parts: int, workspace: Array, pool: Executor) -> None:
    """Perform all instructions, the parts of each spread over the threads of a pool."""
    step = 0
    while step < len(code):
        action = partial(perform, code, step, workspace, parts=parts)
        # of an instruction for one part the others have nothing to do
        divided = parts > 1 and code[step, OPERATION] in DIVIDED
        step = max(pool.map(action, range(parts))) if divided else action(0)
