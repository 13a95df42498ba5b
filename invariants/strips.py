"""Execute a plan on one matrix at a time, in strips of eight rows: sizes at which a row fills several registers.

Matrices lie row by row, padded with zeros to whole vectors. The products of matrices come first. Every other operation
of a round (entrywise products, sums of rows and columns, matrix times vector) runs in one pass over the matrices:
a block of eight rows and at most 128 columns after another, so that what one operation makes the next one finds in
the nearest cache. Nothing is compiled per plan: one compiled loop reads a table of instructions.
"""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import lru_cache, partial

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..simd import (
    WIDTH,
    add,
    aligned_empty,
    broadcast,
    fma,
    load,
    load_anywhere,
    multiply,
    store,
    sums,
    transpose,
    zero,
)
from .fusion import fused
from .plan import Plan, Step

_TILE = 16  # vectors in a strip of a block: blocks of 8 KB, a handful of which stay in the first-level cache
_DEPTH = 192  # of the sums of a product at a time: what is read again stays in the caches
_PACKED = 12  # from so many strips on the columns of a product are copied next to each other first
# A large matrix is divided into parts, which several threads may work on; how many does not depend on the threads,
# so neither do the results.
_PARTS = 4
_STRIPS_TO_DIVIDE = 32
_PRODUCTS_AT_ONCE = 4  # bounds how many matrices are alive together

_OPERATIONS = (
    # of a pass
    "hadamard",
    "scale_rows",
    "scale_columns",
    "rows",
    "columns",
    "row_dots",
    "apply",
    "apply_transposed",
    # between passes
    "pass",
    "merge",
    "product",
    "mirror",
    "transpose",
    "diagonal",
    "multiply",
)
(
    _HADAMARD,
    _SCALE_ROWS,
    _SCALE_COLUMNS,
    _ROWS,
    _COLUMNS,
    _ROW_DOTS,
    _APPLY,
    _APPLY_TRANSPOSED,
    _PASS,
    _MERGE,
    _PRODUCT,
    _MIRROR,
    _TRANSPOSE,
    _DIAGONAL,
    _MULTIPLY,
) = range(len(_OPERATIONS))


Table = NDArray[np.int64]
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class StripProgram:
    """A plan as tables of instructions over one workspace; places are entries of it.

    Args:
        code: (instructions, 16): operation; then of the result and of two operands: place, steps from strip to strip,
            from block to block and from part to part, stride (`_execute` says what other instructions hold there).
        dots: (groups, 18): place of the result, vectors, places of eight pairs.
        times: (scalars, 3): places of the result and of two factors.
        outputs: (len(graphs),) places of the graphs' scalars.
        inputs: (matrices, 4): place, strips, vectors and stride of each input matrix, by its number.
        vectors: where the vectors begin and end; sums are accumulated in them, so they begin as zeros.
        ones: (kinds, 2): places and lengths of constant vectors of ones.
        workspace: entries.
        parts: into how many parts passes and products are divided.
        buffers: how many matrices the workspace holds.
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
    buffers: int

    def new_workspace(self) -> Array:
        """Memory that a thread runs the program in."""
        workspace = aligned_empty(self.workspace)
        for place, length in self.ones:
            workspace[place : place + _vectors(int(length)) * WIDTH] = 0
            workspace[place : place + length] = 1
        return workspace


@dataclass(frozen=True)
class _Buffer:
    """A matrix in the workspace: a step's value or its transpose."""

    step: int
    transposed: bool = False


@dataclass
class _Action:
    """A product, a transpose, a diagonal, a product of vectors, or a pass with the steps that it performs."""

    operation: str
    steps: list[int]
    reads: set[_Buffer] = field(default_factory=set)
    writes: set[_Buffer] = field(default_factory=set)


class _Schedule:
    """Puts the steps of a plan into rounds: products of matrices, then one pass for each shape, then vectors."""

    def __init__(self, steps: tuple[Step, ...]) -> None:
        self.steps = steps
        self.actions: list[_Action] = []
        self._stored = self._to_store()
        self._available: set[_Buffer] = {
            _Buffer(number) for number, step in enumerate(steps) if step.operation == "input"
        }
        self._done = {buffer.step for buffer in self._available}
        pending = [n for n, step in enumerate(steps) if step.shape and step.operation != "input"]
        while pending := [n for n in pending if n not in self._done and (self._is_needed(n))]:
            self._round(pending)

    def _is_needed(self, number: int) -> bool:
        """Whether a step has a value that outlives a pass."""
        return len(self.steps[number].shape) == 1 or self._is_product(number) or number in self._stored

    def _is_product(self, number: int) -> bool:
        return self.steps[number].operation in ("product", "product_transposed", "transposed_product")

    def _to_store(self) -> set[int]:
        """Entrywise products and scaled matrices that are read otherwise than entry by entry in their own places."""
        stored = set()
        for number, step in enumerate(self.steps):
            matrices = [i for i in step.inputs if len(self.steps[i].shape) == 2]
            if self._is_product(number) or step.operation == "diagonal":
                stored.update(matrices)
            elif step.operation.endswith("_transposed") and len(matrices) == 2:
                stored.add(matrices[1])
        return stored

    def _round(self, pending: list[int]) -> None:
        before = len(self.actions)
        products = [n for n in pending if self._is_product(n) and set(self.steps[n].inputs) <= self._done]
        for number in products[:_PRODUCTS_AT_ONCE]:
            self._act("product", [number], self._factors(number), {_Buffer(number)})
        ready = [
            n
            for n in pending
            if n not in self._done and self.steps[n].operation not in ("multiply", "diagonal") and self._is_ready(n)
        ]
        shapes = sorted({self._swept(n) for n in ready})
        for shape in shapes:
            self._pass([n for n in ready if self._swept(n) == shape])
        for number in pending:
            step = self.steps[number]
            if step.operation in ("multiply", "diagonal") and set(step.inputs) <= self._done:
                reads = {_Buffer(step.inputs[0])} if step.operation == "diagonal" else set()
                self._act(step.operation, [number], reads, set())
        if len(self.actions) == before:
            raise AssertionError("no step of the plan is ready")

    def _factors(self, number: int) -> set[_Buffer]:
        """What a product reads, row by row."""
        left, right = self.steps[number].inputs
        operation = self.steps[number].operation
        return {
            _Buffer(left, transposed=operation == "transposed_product"),
            _Buffer(right, transposed=operation == "product_transposed"),
        }

    def _act(self, operation: str, steps: list[int], reads: set[_Buffer], writes: set[_Buffer]) -> None:
        for buffer in sorted(reads - self._available, key=lambda b: b.step):
            self.actions.append(_Action("transpose", [buffer.step], {_Buffer(buffer.step)}, {buffer}))
            self._available.add(buffer)
        self.actions.append(_Action(operation, steps, reads, writes))
        self._available |= writes
        self._done |= set(steps) if operation != "pass" else {n for n in steps if self._is_needed(n)}

    def _swept(self, number: int) -> tuple[int, ...]:
        """Shape of the matrix that a step of a pass goes through."""
        step = self.steps[number]
        return step.shape if len(step.shape) == 2 else self.steps[step.inputs[0]].shape

    def _is_ready(self, number: int) -> bool:
        """Whether a step can be performed in a pass now."""
        step = self.steps[number]
        if self._is_product(number) or step.operation in ("multiply", "diagonal"):
            return False
        for place, i in enumerate(step.inputs):
            if i in self._done:
                continue
            aside = place == 1 and step.operation.endswith("_transposed")  # read transposed, so from its buffer
            if len(self.steps[i].shape) == 1 or aside or not self._is_ready(i):
                return False
        return True

    def _pass(self, wanted: list[int]) -> None:
        """One pass: the wanted steps, each after the entrywise products that it needs."""
        order: dict[int, None] = {}

        def visit(number: int) -> None:
            if number in self._done or number in order:
                return
            for i in self.steps[number].inputs:
                visit(i)
            order[number] = None

        for number in wanted:
            visit(number)
        reads = {
            _Buffer(i, transposed=place == 1 and self.steps[n].operation.endswith("_transposed"))
            for n in order
            for place, i in enumerate(self.steps[n].inputs)
            if len(self.steps[i].shape) == 2 and i not in order
        }
        writes = {_Buffer(n) for n in order if n in self._stored}
        self._act("pass", list(order), reads, writes)


class _Memory:
    """Gives out places of a workspace; what is given back is used again for the same number of entries."""

    def __init__(self, start: int = 0) -> None:
        self.end = start
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

    >>> from .multigraph import Multigraph
    >>> from .plan import plan
    >>> assemble_strips(plan((Multigraph([(0, 1), (1, 2), (2, 0)]),)), (20,)).buffers  # M, M M
    2
    """
    return _Assembler(fused(plan), sizes).program()


_Operand = tuple[int, int, int, int, int]
_NOTHING: _Operand = (0, 0, 0, 0, 0)


class _Assembler:
    def __init__(self, plan: Plan, sizes: tuple[int, ...]) -> None:
        self.steps, self.outputs, self.sizes = plan.steps, plan.outputs, sizes
        self.actions = _Schedule(plan.steps).actions
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
        self.places: dict[_Buffer, int] = {}
        # each part has memory of its own for one column of vectors of a product, or for the blocks of a pass
        self.scratch = 2 * WIDTH * _DEPTH
        self.scratch_operands: list[tuple[int, int]] = []  # row and column of the code where such a place stands

    def program(self) -> StripProgram:
        ones = np.array([[self.memory.take(_vectors(n) * WIDTH), n] for n in self.sizes], dtype=np.int64)
        start = self.memory.end
        for number, step in enumerate(self.steps):
            if len(step.shape) == 1:
                parts = self.parts if step.operation in ("columns", "apply_transposed") else 1
                self.vectors[number] = self.memory.take(parts * _vectors(self.sizes[step.shape[0]]) * WIDTH)
        vectors = (start, self.memory.end)
        dots, times = self._scalar_tables(ones)
        matrices = self.memory.end
        inputs = self._matrices()
        buffers = (self.memory.end - matrices) // max(layout.entries for layout in self.layouts.values())
        code = np.array(self.code, dtype=np.int64).reshape(-1, 16)
        for row, column in self.scratch_operands:
            code[row, column] += self.memory.end
            if code[row, column + 3] < 0:
                code[row, column + 3] = self.scratch
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
            buffers=buffers,
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
        return np.array(dots, dtype=np.int64).reshape(-1, 18), np.array(times, dtype=np.int64).reshape(-1, 3)

    def _matrices(self) -> Table:
        """Emit the actions, giving back the memory of a matrix after the last action that reads it."""
        last = {buffer: n for n, action in enumerate(self.actions) for buffer in action.reads | action.writes}
        inputs: dict[int, list[int]] = {}
        for number, step in enumerate(self.steps):
            if step.operation == "input":
                layout = self._layout(_Buffer(number))
                self._place(_Buffer(number))
                inputs[step.colour] = [self.places[_Buffer(number)], layout.strips, layout.vectors, layout.stride]
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
        absent = [0, 0, 0, 0]
        return np.array([inputs.get(k, absent) for k in range(max(inputs, default=-1) + 1)], dtype=np.int64)

    def _emit(self, operation: int, out: _Operand, a: _Operand = _NOTHING, b: _Operand = _NOTHING) -> None:
        self.code.append([operation, *out, *a, *b])

    def _layout(self, buffer: _Buffer) -> _Layout:
        shape = self.steps[buffer.step].shape
        return self.layouts[shape[::-1] if buffer.transposed else shape]

    def _place(self, buffer: _Buffer) -> None:
        self.places[buffer] = self.memory.take(self._layout(buffer).entries)

    def _product(self, action: _Action) -> None:
        (number,) = action.steps
        operation, (left, right) = self.steps[number].operation, self.steps[number].inputs
        a = _Buffer(left, transposed=operation == "transposed_product")
        b = _Buffer(right, transposed=operation == "product_transposed")
        result, layout = self.places[_Buffer(number)], self._layout(_Buffer(number))
        summed = self.sizes[self.steps[left].shape[0 if a.transposed else 1]]
        symmetric = left == right and operation != "product"
        self.scratch_operands.append((len(self.code), 12))
        self._emit(
            _PRODUCT,
            (result, layout.strips, layout.vectors, int(symmetric), layout.stride),
            (self.places[a], summed, 0, 0, self._layout(a).stride),
            (self.places[b], 0, self.scratch, 0, self._layout(b).stride),
        )
        if symmetric:
            self._emit(_MIRROR, (result, layout.strips, 0, 0, layout.stride))

    def _transpose(self, action: _Action) -> None:
        (source,), (target,) = action.reads, action.writes
        layout = self._layout(target)
        out = (self.places[target], layout.strips, layout.vectors, 0, layout.stride)
        self._emit(_TRANSPOSE, out, (self.places[source], 0, 0, 0, self._layout(source).stride))

    def _diagonal(self, action: _Action) -> None:
        (number,) = action.steps
        source = _Buffer(self.steps[number].inputs[0])
        length = self.sizes[self.steps[number].shape[0]]
        a = (self.places[source], 0, 0, 0, self._layout(source).stride)
        self._emit(_DIAGONAL, (self.vectors[number], length, 0, 0, 0), a)

    def _multiply(self, action: _Action) -> None:
        (number,) = action.steps
        x, y = (self.vectors[i] for i in self.steps[number].inputs)
        out = (self.vectors[number], _vectors(self.sizes[self.steps[number].shape[0]]), 0, 0, 0)
        self._emit(_MULTIPLY, out, (x, 0, 0, 0, 0), (y, 0, 0, 0, 0))

    def _pass(self, action: _Action) -> None:
        swept = self.steps[action.steps[0]]
        layout = self.layouts[swept.shape if len(swept.shape) == 2 else self.steps[swept.inputs[0]].shape]
        sweep = (len(action.steps), layout.strips, layout.vectors, layout.block, layout.height)
        self._emit(_PASS, sweep)
        width = WIDTH * layout.block
        tile = WIDTH * layout.height * width
        last = {i: number for number in action.steps for i in self.steps[number].inputs}
        memory, blocks = _Memory(), dict[int, int]()
        for number in action.steps:
            step = self.steps[number]
            transposed = step.operation.endswith("_transposed") and len(self.steps[step.inputs[1]].shape) == 2
            operation = step.operation.removesuffix("_transposed") if transposed else step.operation
            if len(step.shape) == 2 and _Buffer(number) not in action.writes:
                blocks[number] = memory.take(tile)
            operands: list[_Operand] = []
            for place, i in enumerate((number, *step.inputs)):
                buffer = _Buffer(i, transposed=transposed and place == 2)
                if i in blocks and not buffer.transposed:
                    self.scratch_operands.append((len(self.code), 1 + 5 * place))
                    operands.append((blocks[i], 0, 0, -1, width))
                elif len(self.steps[i].shape) == 2:
                    stride = self._layout(buffer).stride
                    operands.append((self.places[buffer], WIDTH * stride, width, 0, stride))
                elif self._is_along_rows(operation, place):
                    operands.append((self.vectors[i], WIDTH, 0, 0, 0))
                else:
                    part = 0 if place else WIDTH * layout.vectors
                    operands.append((self.vectors[i], 0, width, part, 0))
            self._emit(_OPERATIONS.index(operation), *operands)
            for i in {i for i in (number, *step.inputs) if last.get(i, number) == number and i in blocks}:
                memory.give_back(blocks.pop(i), tile)
        self.scratch = max(self.scratch, memory.end)
        for number in action.steps:
            if self.parts > 1 and self.steps[number].operation in ("columns", "apply_transposed"):
                self._emit(_MERGE, (self.vectors[number], layout.vectors, 0, 0, 0))

    @staticmethod
    def _is_along_rows(operation: str, place: int) -> bool:
        """Whether a vector has an entry for each row: the result of sums over columns, what scales or weights rows."""
        if place == 0:
            return operation in ("rows", "row_dots", "apply")
        return operation in ("apply_transposed", "scale_rows")


def _vectors(length: int) -> int:
    return -(-length // WIDTH)


def run_strips(program: StripProgram, matrices: Array, results: Array) -> None:
    """Evaluate a program on matrices (n, colours, rows, columns), C-contiguous, into results (n, len(graphs))."""
    tables = program.inputs, program.vectors, program.code, program.dots, program.times, program.outputs
    _run(*tables, program.parts, program.new_workspace(), matrices, results)


def run_strips_in_parts(program: StripProgram, matrices: Array, results: Array, pool: Executor) -> None:
    """The same results, bit for bit, with the parts of each matrix spread over the threads of a pool."""
    workspace = program.new_workspace()
    for matrix, result in zip(matrices, results, strict=True):
        _begin(program.inputs, program.vectors, workspace, matrix)
        step = 0
        while step < len(program.code):
            action = partial(_perform, program.code, step, workspace, parts=program.parts)
            step = max(pool.map(action, range(program.parts)))
        _finish(program.dots, program.times, program.outputs, workspace, result)


@njit(cache=True, nogil=True, error_model="numpy")
def _run(inputs, vectors, code, dots, times, outputs, parts, w, matrices, results):  # type: ignore[no-untyped-def] # pragma: no cover
    for n in range(len(matrices)):
        _begin(inputs, vectors, w, matrices[n])
        step = 0
        while step < len(code):
            following = step
            for part in range(parts):
                following = _perform(code, step, w, part, parts)
            step = following
        _finish(dots, times, outputs, w, results[n])


@njit(cache=True, nogil=True, error_model="numpy")
def _begin(inputs, vectors, w, matrices):  # type: ignore[no-untyped-def] # pragma: no cover
    """Lay the matrices out, with zeros around them, and begin all sums."""
    w[vectors[0] : vectors[1]] = 0.0
    colours, rows, columns = matrices.shape
    entries = matrices.reshape(colours * rows * columns)
    whole = columns - columns % WIDTH
    for colour in range(len(inputs)):
        place, strips, width, stride = inputs[colour, 0], inputs[colour, 1], inputs[colour, 2], inputs[colour, 3]
        for i in range(strips * WIDTH):
            row, source = place + i * stride, (colour * rows + i) * columns
            filled = 0
            if i < rows:
                for j in range(0, whole, WIDTH):
                    store(w, row + j, load_anywhere(entries, source + j))
                for j in range(whole, columns):
                    w[row + j] = entries[source + j]
                filled = columns
            for j in range(filled, width * WIDTH):
                w[row + j] = 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _perform(code, step, w, part, parts):  # type: ignore[no-untyped-def] # pragma: no cover
    """A part of the instruction at `step`; the place of the next one."""
    operation, out, n1, n2, n3 = code[step, 0], code[step, 1], code[step, 2], code[step, 3], code[step, 4]
    out_stride, a, a_stride, b, b_stride = code[step, 5], code[step, 6], code[step, 10], code[step, 11], code[step, 15]
    if operation == _PASS:
        groups = -(-n1 // out_stride)
        first, last = groups * part // parts * out_stride, min(groups * (part + 1) // parts * out_stride, n1)
        _sweep(code[step + 1 : step + 1 + out], w, first, last, n2, n3, out_stride, part)
        return step + 1 + out
    if operation == _PRODUCT:
        summed, pack = code[step, 7], code[step, 12] + part * code[step, 13]
        _product(w, out, out_stride, a, a_stride, b, b_stride, pack, n1, n2, summed, n3, part, parts)
    elif operation == _MIRROR:
        # above the diagonal stands what is mirrored below
        for i in range(part, n1, parts):
            for j in range(i):
                source = out + WIDTH * (j * out_stride + i)
                transpose(w, source, out_stride, w, out + WIDTH * (i * out_stride + j), out_stride)
    elif operation == _TRANSPOSE:
        for i in range(part, n1, parts):
            for j in range(n2):
                target = out + WIDTH * (i * out_stride + j)
                transpose(w, a + WIDTH * (j * a_stride + i), a_stride, w, target, out_stride)
    elif part == 0:
        if operation == _DIAGONAL:
            for i in range(n1):
                w[out + i] = w[a + i * (a_stride + 1)]
        elif operation == _MULTIPLY:
            for j in range(0, n1 * WIDTH, WIDTH):
                store(w, out + j, multiply(load(w, a + j), load(w, b + j)))
        else:  # merge the sums over the columns of the parts
            for j in range(0, n1 * WIDTH, WIDTH):
                total = load(w, out + j)
                for other in range(1, parts):
                    total = add(total, load(w, out + j + other * n1 * WIDTH))
                store(w, out + j, total)
    return step + 1


@njit(cache=True, nogil=True, error_model="numpy")
def _sweep(code, w, first, last, vectors, width, height, part):  # type: ignore[no-untyped-def] # pragma: no cover
    """One pass over the strips from first to last: all its instructions on a block, then the next block."""
    for strip in range(first, last, height):
        strips = min(height, last - strip)
        for block in range(-(-vectors // width)):
            count = min(width, vectors - block * width)
            for step in range(len(code)):
                operation = code[step, 0]
                out = code[step, 1] + strip * code[step, 2] + block * code[step, 3] + part * code[step, 4]
                a = code[step, 6] + strip * code[step, 7] + block * code[step, 8] + part * code[step, 9]
                b = code[step, 11] + strip * code[step, 12] + block * code[step, 13] + part * code[step, 14]
                out_stride, a_stride, b_stride = code[step, 5], code[step, 10], code[step, 15]
                if operation == _ROW_DOTS:
                    _row_dots(w, out, a, a_stride, b, b_stride, strips, count)
                elif operation == _APPLY:
                    _row_dots(w, out, a, a_stride, b, 0, strips, count)
                elif operation == _ROWS:
                    _rows(w, out, a, a_stride, strips, count)
                elif operation == _COLUMNS:
                    _columns(w, out, a, a_stride, strips, count)
                elif operation == _APPLY_TRANSPOSED:
                    _apply_transposed(w, out, a, a_stride, b, strips, count)
                elif operation == _HADAMARD:
                    _hadamard(w, out, out_stride, a, a_stride, b, b_stride, strips, count)
                elif operation == _SCALE_COLUMNS:
                    _hadamard(w, out, out_stride, a, a_stride, b, 0, strips, count)
                else:
                    _scale_rows(w, out, out_stride, a, a_stride, b, strips, count)


@njit(cache=True, nogil=True, error_model="numpy")
def _row_dots(w, out, a, a_stride, b, b_stride, strips, count):  # type: ignore[no-untyped-def] # pragma: no cover
    """Add sum_j A_ij B_ij; with a stride of zero B is a vector, the same for all rows."""
    for strip in range(strips):
        x, y = a + strip * WIDTH * a_stride, b + strip * WIDTH * b_stride
        t0, t1, t2, t3, t4, t5, t6, t7 = zero(), zero(), zero(), zero(), zero(), zero(), zero(), zero()
        for _ in range(count):
            t0 = fma(load(w, x), load(w, y), t0)
            t1 = fma(load(w, x + a_stride), load(w, y + b_stride), t1)
            t2 = fma(load(w, x + 2 * a_stride), load(w, y + 2 * b_stride), t2)
            t3 = fma(load(w, x + 3 * a_stride), load(w, y + 3 * b_stride), t3)
            t4 = fma(load(w, x + 4 * a_stride), load(w, y + 4 * b_stride), t4)
            t5 = fma(load(w, x + 5 * a_stride), load(w, y + 5 * b_stride), t5)
            t6 = fma(load(w, x + 6 * a_stride), load(w, y + 6 * b_stride), t6)
            t7 = fma(load(w, x + 7 * a_stride), load(w, y + 7 * b_stride), t7)
            x += WIDTH
            y += WIDTH
        place = out + strip * WIDTH
        store(w, place, add(load(w, place), sums(t0, t1, t2, t3, t4, t5, t6, t7)))


@njit(cache=True, nogil=True, error_model="numpy")
def _rows(w, out, a, stride, strips, count):  # type: ignore[no-untyped-def] # pragma: no cover
    """Add sum_j A_ij."""
    for strip in range(strips):
        x = a + strip * WIDTH * stride
        t0, t1, t2, t3, t4, t5, t6, t7 = zero(), zero(), zero(), zero(), zero(), zero(), zero(), zero()
        for _ in range(count):
            t0 = add(t0, load(w, x))
            t1 = add(t1, load(w, x + stride))
            t2 = add(t2, load(w, x + 2 * stride))
            t3 = add(t3, load(w, x + 3 * stride))
            t4 = add(t4, load(w, x + 4 * stride))
            t5 = add(t5, load(w, x + 5 * stride))
            t6 = add(t6, load(w, x + 6 * stride))
            t7 = add(t7, load(w, x + 7 * stride))
            x += WIDTH
        place = out + strip * WIDTH
        store(w, place, add(load(w, place), sums(t0, t1, t2, t3, t4, t5, t6, t7)))


@njit(cache=True, nogil=True, error_model="numpy")
def _columns(w, out, a, stride, strips, count):  # type: ignore[no-untyped-def] # pragma: no cover
    """Add sum_i A_ij."""
    for _ in range(count):
        total, x = load(w, out), a
        for _ in range(strips):
            even = add(add(load(w, x), load(w, x + 2 * stride)), add(load(w, x + 4 * stride), load(w, x + 6 * stride)))
            x += stride
            odd = add(add(load(w, x), load(w, x + 2 * stride)), add(load(w, x + 4 * stride), load(w, x + 6 * stride)))
            total = add(total, add(even, odd))
            x += (WIDTH - 1) * stride
        store(w, out, total)
        a += WIDTH
        out += WIDTH


@njit(cache=True, nogil=True, error_model="numpy")
def _apply_transposed(w, out, a, stride, x, strips, count):  # type: ignore[no-untyped-def] # pragma: no cover
    """Add sum_i A_ij x_i."""
    for strip in range(strips):
        x0, x1, x2, x3 = broadcast(w, x), broadcast(w, x + 1), broadcast(w, x + 2), broadcast(w, x + 3)
        x4, x5, x6, x7 = broadcast(w, x + 4), broadcast(w, x + 5), broadcast(w, x + 6), broadcast(w, x + 7)
        y = a + strip * WIDTH * stride
        for j in range(0, count * WIDTH, WIDTH):
            even = fma(load(w, y), x0, load(w, out + j))
            odd = multiply(load(w, y + stride), x1)
            even = fma(load(w, y + 2 * stride), x2, even)
            odd = fma(load(w, y + 3 * stride), x3, odd)
            even = fma(load(w, y + 4 * stride), x4, even)
            odd = fma(load(w, y + 5 * stride), x5, odd)
            even = fma(load(w, y + 6 * stride), x6, even)
            odd = fma(load(w, y + 7 * stride), x7, odd)
            store(w, out + j, add(even, odd))
            y += WIDTH
        x += WIDTH


@njit(cache=True, nogil=True, error_model="numpy")
def _hadamard(w, out, out_stride, a, a_stride, b, b_stride, strips, count):  # type: ignore[no-untyped-def] # pragma: no cover
    """A_ij B_ij; with a stride of zero B is a vector, the same for all rows."""
    for _ in range(strips * WIDTH):
        for j in range(0, count * WIDTH, WIDTH):
            store(w, out + j, multiply(load(w, a + j), load(w, b + j)))
        out += out_stride
        a += a_stride
        b += b_stride


@njit(cache=True, nogil=True, error_model="numpy")
def _scale_rows(w, out, out_stride, a, a_stride, x, strips, count):  # type: ignore[no-untyped-def] # pragma: no cover
    """A_ij x_i."""
    for i in range(strips * WIDTH):
        factor = broadcast(w, x + i)
        for j in range(0, count * WIDTH, WIDTH):
            store(w, out + j, multiply(load(w, a + j), factor))
        out += out_stride
        a += a_stride


@njit(cache=True, nogil=True, error_model="numpy")
def _product(w, out, out_stride, a, a_stride, b, b_stride, pack, strips, vectors, summed, symmetric, part, parts):  # type: ignore[no-untyped-def] # pragma: no cover
    """sum_j A_ij B_jk: sixteen columns at a time stay in the nearest cache while all strips of A pass by."""
    for start in range(0, summed, _DEPTH):
        depth = min(_DEPTH, summed - start)
        for k in range(2 * part, vectors, 2 * parts):
            both = k + 1 < vectors
            right, right_stride = b + start * b_stride + k * WIDTH, b_stride
            if strips >= _PACKED:
                for j in range(depth):
                    source, target = right + j * b_stride, pack + 2 * j * WIDTH
                    store(w, target, load(w, source))
                    if both:
                        store(w, target + WIDTH, load(w, source + WIDTH))
                right, right_stride = pack, 2 * WIDTH
            # of a symmetric product the blocks below the diagonal are mirrored afterwards
            for strip in range(min(strips, k + 2) if symmetric else strips):
                place = out + WIDTH * (strip * out_stride + k)
                left = a + WIDTH * strip * a_stride + start
                if both:
                    _two_columns(w, place, out_stride, left, a_stride, right, right_stride, depth, start > 0)
                else:
                    _one_column(w, place, out_stride, left, a_stride, right, right_stride, depth, start > 0)


@njit(cache=True, nogil=True, error_model="numpy")
def _two_columns(w, out, out_stride, a, a_stride, b, b_stride, summed, more):  # type: ignore[no-untyped-def] # pragma: no cover
    """Eight rows and sixteen columns of a product, in sixteen registers."""
    s0, s1, s2, s3, s4, s5, s6, s7 = zero(), zero(), zero(), zero(), zero(), zero(), zero(), zero()
    t0, t1, t2, t3, t4, t5, t6, t7 = zero(), zero(), zero(), zero(), zero(), zero(), zero(), zero()
    for _ in range(summed):
        y, z = load(w, b), load(w, b + WIDTH)
        x = broadcast(w, a)
        s0, t0 = fma(x, y, s0), fma(x, z, t0)
        x = broadcast(w, a + a_stride)
        s1, t1 = fma(x, y, s1), fma(x, z, t1)
        x = broadcast(w, a + 2 * a_stride)
        s2, t2 = fma(x, y, s2), fma(x, z, t2)
        x = broadcast(w, a + 3 * a_stride)
        s3, t3 = fma(x, y, s3), fma(x, z, t3)
        x = broadcast(w, a + 4 * a_stride)
        s4, t4 = fma(x, y, s4), fma(x, z, t4)
        x = broadcast(w, a + 5 * a_stride)
        s5, t5 = fma(x, y, s5), fma(x, z, t5)
        x = broadcast(w, a + 6 * a_stride)
        s6, t6 = fma(x, y, s6), fma(x, z, t6)
        x = broadcast(w, a + 7 * a_stride)
        s7, t7 = fma(x, y, s7), fma(x, z, t7)
        a += 1
        b += b_stride
    _store_column(w, out, out_stride, more, s0, s1, s2, s3, s4, s5, s6, s7)
    _store_column(w, out + WIDTH, out_stride, more, t0, t1, t2, t3, t4, t5, t6, t7)


@njit(cache=True, nogil=True, error_model="numpy")
def _one_column(w, out, out_stride, a, a_stride, b, b_stride, summed, more):  # type: ignore[no-untyped-def] # pragma: no cover
    """Eight rows and eight columns of a product."""
    s0, s1, s2, s3, s4, s5, s6, s7 = zero(), zero(), zero(), zero(), zero(), zero(), zero(), zero()
    for _ in range(summed):
        y = load(w, b)
        s0 = fma(broadcast(w, a), y, s0)
        s1 = fma(broadcast(w, a + a_stride), y, s1)
        s2 = fma(broadcast(w, a + 2 * a_stride), y, s2)
        s3 = fma(broadcast(w, a + 3 * a_stride), y, s3)
        s4 = fma(broadcast(w, a + 4 * a_stride), y, s4)
        s5 = fma(broadcast(w, a + 5 * a_stride), y, s5)
        s6 = fma(broadcast(w, a + 6 * a_stride), y, s6)
        s7 = fma(broadcast(w, a + 7 * a_stride), y, s7)
        a += 1
        b += b_stride
    _store_column(w, out, out_stride, more, s0, s1, s2, s3, s4, s5, s6, s7)


@njit(cache=True, nogil=True, error_model="numpy")
def _store_column(w, out, stride, more, s0, s1, s2, s3, s4, s5, s6, s7):  # type: ignore[no-untyped-def] # pragma: no cover
    if more:  # to the sum so far
        s0, s1 = add(s0, load(w, out)), add(s1, load(w, out + stride))
        s2, s3 = add(s2, load(w, out + 2 * stride)), add(s3, load(w, out + 3 * stride))
        s4, s5 = add(s4, load(w, out + 4 * stride)), add(s5, load(w, out + 5 * stride))
        s6, s7 = add(s6, load(w, out + 6 * stride)), add(s7, load(w, out + 7 * stride))
    store(w, out, s0)
    store(w, out + stride, s1)
    store(w, out + 2 * stride, s2)
    store(w, out + 3 * stride, s3)
    store(w, out + 4 * stride, s4)
    store(w, out + 5 * stride, s5)
    store(w, out + 6 * stride, s6)
    store(w, out + 7 * stride, s7)


@njit(cache=True, nogil=True, error_model="numpy")
def _finish(dots, times, outputs, w, result):  # type: ignore[no-untyped-def] # pragma: no cover
    """Eight dots at a time, then the products of scalars in order."""
    for group in range(len(dots)):
        out, vectors, a0, b0, a1, b1, a2, b2, a3, b3, a4, b4, a5, b5, a6, b6, a7, b7 = dots[group]
        t0, t1, t2, t3, t4, t5, t6, t7 = zero(), zero(), zero(), zero(), zero(), zero(), zero(), zero()
        for j in range(0, vectors * WIDTH, WIDTH):
            t0 = fma(load(w, a0 + j), load(w, b0 + j), t0)
            t1 = fma(load(w, a1 + j), load(w, b1 + j), t1)
            t2 = fma(load(w, a2 + j), load(w, b2 + j), t2)
            t3 = fma(load(w, a3 + j), load(w, b3 + j), t3)
            t4 = fma(load(w, a4 + j), load(w, b4 + j), t4)
            t5 = fma(load(w, a5 + j), load(w, b5 + j), t5)
            t6 = fma(load(w, a6 + j), load(w, b6 + j), t6)
            t7 = fma(load(w, a7 + j), load(w, b7 + j), t7)
        store(w, out, sums(t0, t1, t2, t3, t4, t5, t6, t7))
    for k in range(len(times)):
        out, a, b = times[k]
        w[out] = w[a] * w[b]
    for graph in range(len(outputs)):
        result[graph] = w[outputs[graph]]
