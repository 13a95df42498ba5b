"""Execute a plan on one matrix at a time, in strips of eight rows: sizes at which a row fills several registers.

Matrices lie row by row, padded with zeros to whole vectors. The products of matrices come first. Every other operation
of a round (entrywise products, sums of rows and columns, matrix times vector) runs in one pass over the matrices:
a block of eight rows and at most 128 columns after another, so that what one operation makes the next one finds in
the nearest cache. Nothing is compiled per plan: one compiled loop reads a table of instructions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

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
    multiply,
    store,
    sums,
    transpose,
    zero,
)
from .fusion import fused
from .plan import Plan, Step

_BLOCK = 128  # columns of a block: 8 KB each, a handful of which stay in the first-level cache
_PRODUCTS_AT_ONCE = 4  # bounds how many matrices are alive together

_IN_PASS = (
    "hadamard",
    "scale_rows",
    "scale_columns",
    "rows",
    "columns",
    "row_dots",
    "apply",
    "apply_transposed",
)
_OPERATIONS = (*_IN_PASS, "product", "transpose", "diagonal", "multiply", "dots", "times", "pass")
(
    _HADAMARD,
    _SCALE_ROWS,
    _SCALE_COLUMNS,
    _ROWS,
    _COLUMNS,
    _ROW_DOTS,
    _APPLY,
    _APPLY_TRANSPOSED,
    _PRODUCT,
    _TRANSPOSE,
    _DIAGONAL,
    _MULTIPLY,
    _DOTS,
    _TIMES,
    _PASS,
) = range(len(_OPERATIONS))


Table = NDArray[np.int64]
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class StripProgram:
    """A plan as tables of instructions over one workspace; places are entries of it.

    Args:
        code: (instructions, 13): operation, then place, row step, column step and stride of the result and of two
            operands (`_execute` says what other instructions hold there).
        dots: (groups, 18): place of the result, vectors, places of eight pairs.
        times: (scalars, 3): places of the result and of two factors.
        outputs: (len(graphs),) places of the graphs' scalars.
        inputs: (matrices, 4): place, strips, vectors and stride of each input matrix, by its number.
        vectors: where the vectors begin and end; sums are accumulated in them, so they begin as zeros.
        ones: (kinds, 2): places and lengths of constant vectors of ones.
        workspace: entries.
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
    buffers: int

    def new_workspace(self) -> Array:
        """Memory that a thread runs the program in."""
        workspace = aligned_empty(self.workspace)
        for place, length in self.ones:
            workspace[place : place + -(-length // WIDTH) * WIDTH] = 0
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
        blocks = -(-self.vectors // (_BLOCK // WIDTH))
        return -(-self.vectors // blocks)


@lru_cache(maxsize=64)
def assemble_strips(plan: Plan, sizes: tuple[int, ...]) -> StripProgram:
    """Lay out a plan at given sizes (one for each node kind).

    >>> from .multigraph import Multigraph
    >>> from .plan import plan
    >>> assemble_strips(plan((Multigraph([(0, 1), (1, 2), (2, 0)]),)), (20,)).buffers  # M, M M
    2
    """
    return _Assembler(fused(plan), sizes).program()


class _Assembler:
    def __init__(self, plan: Plan, sizes: tuple[int, ...]) -> None:
        self.steps, self.outputs, self.sizes = plan.steps, plan.outputs, sizes
        self.actions = _Schedule(plan.steps).actions
        self.layouts = {
            (k, l): _Layout(-(-rows // WIDTH), -(-columns // WIDTH))
            for k, rows in enumerate(sizes)
            for l, columns in enumerate(sizes)
        }
        self.code: list[list[int]] = []
        self.memory = _Memory()
        self.vectors: dict[int, int] = {}
        self.scalars: dict[int, int] = {}
        self.places: dict[_Buffer, int] = {}

    def program(self) -> StripProgram:
        ones = np.array([[self.memory.take(-(-n // WIDTH) * WIDTH), n] for n in self.sizes], dtype=np.int64)
        start = self.memory.end
        for number, step in enumerate(self.steps):
            if len(step.shape) == 1:
                self.vectors[number] = self.memory.take(-(-self.sizes[step.shape[0]] // WIDTH) * WIDTH)
        vectors = (start, self.memory.end)
        dots, times = self._scalar_tables(ones)
        matrices = self.memory.end
        inputs = self._matrices()
        largest = max(layout.entries for layout in self.layouts.values())
        return StripProgram(
            code=np.array(self.code, dtype=np.int64).reshape(-1, 13),
            dots=dots,
            times=times,
            outputs=np.array([self.scalars[n] for n in self.outputs], dtype=np.int64),
            inputs=inputs,
            vectors=vectors,
            ones=ones,
            workspace=self.memory.end,
            buffers=(self.memory.end - matrices) // largest,
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
                dots.append([place, -(-self.sizes[kind] // WIDTH), *(p for _, x, y in group for p in (x, y))])
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
                row = [self.places[_Buffer(number)], layout.strips, layout.vectors, layout.stride]
                inputs[step.colour] = row
        for n, action in enumerate(self.actions):
            for buffer in sorted(action.writes - self.places.keys(), key=lambda b: b.step):
                self._place(buffer)
            emit = {"product": self._product, "transpose": self._transpose, "pass": self._pass}
            emit.get(action.operation, self._vector)(action)
            for buffer in sorted(action.reads | action.writes, key=lambda b: b.step):
                if last[buffer] == n:
                    self.memory.give_back(self.places[buffer], self._layout(buffer).entries)
        absent = [0, 0, 0, 0]
        return np.array([inputs.get(k, absent) for k in range(max(inputs, default=-1) + 1)], dtype=np.int64)

    def _layout(self, buffer: _Buffer) -> _Layout:
        shape = self.steps[buffer.step].shape
        return self.layouts[shape[::-1] if buffer.transposed else shape]  # type: ignore[index]

    def _place(self, buffer: _Buffer) -> None:
        self.places[buffer] = self.memory.take(self._layout(buffer).entries)

    def _product(self, action: _Action) -> None:
        (number,) = action.steps
        operation, (left, right) = self.steps[number].operation, self.steps[number].inputs
        a = _Buffer(left, transposed=operation == "transposed_product")
        b = _Buffer(right, transposed=operation == "product_transposed")
        out = self._layout(_Buffer(number))
        summed = self.sizes[self.steps[left].shape[0 if a.transposed else 1]]
        symmetric = left == right and operation != "product"
        row = [_PRODUCT, self.places[_Buffer(number)], out.strips, out.vectors, out.stride]
        row += [self.places[a], summed, int(symmetric), self._layout(a).stride]
        self.code.append([*row, self.places[b], 0, 0, self._layout(b).stride])

    def _transpose(self, action: _Action) -> None:
        (source,), (target,) = action.reads, action.writes
        out = self._layout(target)
        row = [_TRANSPOSE, self.places[target], out.strips, out.vectors, out.stride]
        self.code.append([*row, self.places[source], 0, 0, self._layout(source).stride, 0, 0, 0, 0])

    def _vector(self, action: _Action) -> None:
        (number,) = action.steps
        step = self.steps[number]
        length = self.sizes[step.shape[0]]
        if step.operation == "diagonal":
            source = _Buffer(step.inputs[0])
            row = [_DIAGONAL, self.vectors[number], length, 0, 0, self.places[source], 0, 0]
            self.code.append([*row, self._layout(source).stride, 0, 0, 0, 0])
        else:
            x, y = (self.vectors[i] for i in step.inputs)
            row = [_MULTIPLY, self.vectors[number], -(-length // WIDTH), 0, 0]
            self.code.append([*row, x, 0, 0, 0, y, 0, 0, 0])

    def _pass(self, action: _Action) -> None:
        swept = self.steps[action.steps[0]]
        shape = swept.shape if len(swept.shape) == 2 else self.steps[swept.inputs[0]].shape
        layout = self.layouts[shape]  # type: ignore[index]
        row = [_PASS, len(action.steps), layout.strips, layout.vectors, layout.block]
        self.code.append(row + [0] * 8)
        width = WIDTH * layout.block
        last = {i: number for number in action.steps for i in self.steps[number].inputs}
        scratch: dict[int, int] = {}
        for number in action.steps:
            step = self.steps[number]
            transposed = step.operation.endswith("_transposed") and len(self.steps[step.inputs[1]].shape) == 2
            operation = step.operation.removesuffix("_transposed") if transposed else step.operation
            row = [_OPERATIONS.index(operation)]
            if len(step.shape) == 2 and _Buffer(number) not in action.writes:
                scratch[number] = self.memory.take(WIDTH * width)
            for place, i in enumerate((number, *step.inputs)):
                buffer = _Buffer(i, transposed=transposed and place == 2)
                if i in scratch and not buffer.transposed:
                    row += [scratch[i], 0, 0, width]
                elif len(self.steps[i].shape) == 2:
                    stride = self._layout(buffer).stride
                    row += [self.places[buffer], WIDTH * stride, width, stride]
                else:
                    along_rows = self._is_along_rows(operation, place)
                    row += [self.vectors[i], WIDTH * along_rows, width * (not along_rows), 0]
            self.code.append(row + [0] * (13 - len(row)))
            for i in {i for i in (number, *step.inputs) if last.get(i, number) == number and i in scratch}:
                self.memory.give_back(scratch.pop(i), WIDTH * width)

    @staticmethod
    def _is_along_rows(operation: str, place: int) -> bool:
        """Whether a vector has an entry for each row: the result of sums over columns, what scales or weights rows."""
        if place == 0:
            return operation in ("rows", "row_dots", "apply")
        return operation in ("apply_transposed", "scale_rows")


def run_strips(program: StripProgram, matrices: Array, results: Array) -> None:
    """Evaluate a program on matrices (n, colours, rows, columns), C-contiguous, into results (n, len(graphs))."""
    start, end = program.vectors
    tables = program.code, program.dots, program.times, program.outputs, program.inputs
    _run(*tables, start, end, program.new_workspace(), matrices, results)


@njit(cache=True, nogil=True, error_model="numpy")
def _run(code, dots, times, outputs, inputs, start, end, w, matrices, results):  # type: ignore[no-untyped-def] # pragma: no cover
    for n in range(len(matrices)):
        w[start:end] = 0.0
        for colour in range(len(inputs)):
            place, strips, vectors, stride = inputs[colour]
            _copy(w, place, strips, vectors, stride, matrices[n, colour])
        _execute(code, w)
        _scalars(dots, times, w)
        for graph in range(len(outputs)):
            results[n, graph] = w[outputs[graph]]


@njit(cache=True, nogil=True, error_model="numpy")
def _copy(w, place, strips, vectors, stride, matrix):  # type: ignore[no-untyped-def] # pragma: no cover
    rows, columns = matrix.shape
    if strips == 0:
        return
    for i in range(rows):
        row = place + i * stride
        for j in range(columns):
            w[row + j] = matrix[i, j]
        w[row + columns : row + vectors * WIDTH] = 0.0
    for i in range(rows, strips * WIDTH):
        row = place + i * stride
        w[row : row + vectors * WIDTH] = 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _execute(code, w):  # type: ignore[no-untyped-def] # pragma: no cover
    step = 0
    while step < len(code):
        operation, out, n1, n2, out_stride, a, n3, n4, a_stride, b, _, _, b_stride = code[step]
        step += 1
        if operation == _PASS:
            _sweep(code[step : step + out], w, n1, n2, out_stride)
            step += out
        elif operation == _PRODUCT:
            _product(w, out, out_stride, a, a_stride, b, b_stride, n1, n2, n3, n4)
        elif operation == _TRANSPOSE:
            for i in range(n1):
                for j in range(n2):
                    target = out + WIDTH * (i * out_stride + j)
                    transpose(w, a + WIDTH * (j * a_stride + i), a_stride, w, target, out_stride)
        elif operation == _DIAGONAL:
            for i in range(n1):
                w[out + i] = w[a + i * (a_stride + 1)]
        else:
            for j in range(n1):
                store(w, out + j * WIDTH, multiply(load(w, a + j * WIDTH), load(w, b + j * WIDTH)))


@njit(cache=True, nogil=True, error_model="numpy")
def _sweep(code, w, strips, vectors, width):  # type: ignore[no-untyped-def] # pragma: no cover
    """One pass: all its instructions on a block, then the next block."""
    for strip in range(strips):
        for block in range(-(-vectors // width)):
            count = min(width, vectors - block * width)
            for step in range(len(code)):
                operation, out, out_row, out_column, out_stride = code[step, :5]
                a, a_row, a_column, a_stride = code[step, 5:9]
                b, b_row, b_column, b_stride = code[step, 9:]
                out += strip * out_row + block * out_column
                a += strip * a_row + block * a_column
                b += strip * b_row + block * b_column
                if operation == _ROW_DOTS:
                    _row_dots(w, out, a, a_stride, b, b_stride, count)
                elif operation == _APPLY:
                    _row_dots(w, out, a, a_stride, b, 0, count)
                elif operation == _ROWS:
                    _rows(w, out, a, a_stride, count)
                elif operation == _COLUMNS:
                    _columns(w, out, a, a_stride, count)
                elif operation == _APPLY_TRANSPOSED:
                    _apply_transposed(w, out, a, a_stride, b, count)
                elif operation == _HADAMARD:
                    _hadamard(w, out, out_stride, a, a_stride, b, b_stride, count)
                elif operation == _SCALE_COLUMNS:
                    _hadamard(w, out, out_stride, a, a_stride, b, 0, count)
                else:
                    _scale_rows(w, out, out_stride, a, a_stride, b, count)


@njit(cache=True, nogil=True, error_model="numpy")
def _row_dots(w, out, a, a_stride, b, b_stride, count):  # type: ignore[no-untyped-def] # pragma: no cover
    """Add sum_j A_ij B_ij of eight rows; with a stride of zero B is a vector, the same for all rows."""
    t0, t1, t2, t3, t4, t5, t6, t7 = zero(), zero(), zero(), zero(), zero(), zero(), zero(), zero()
    for _ in range(count):
        t0 = fma(load(w, a), load(w, b), t0)
        t1 = fma(load(w, a + a_stride), load(w, b + b_stride), t1)
        t2 = fma(load(w, a + 2 * a_stride), load(w, b + 2 * b_stride), t2)
        t3 = fma(load(w, a + 3 * a_stride), load(w, b + 3 * b_stride), t3)
        t4 = fma(load(w, a + 4 * a_stride), load(w, b + 4 * b_stride), t4)
        t5 = fma(load(w, a + 5 * a_stride), load(w, b + 5 * b_stride), t5)
        t6 = fma(load(w, a + 6 * a_stride), load(w, b + 6 * b_stride), t6)
        t7 = fma(load(w, a + 7 * a_stride), load(w, b + 7 * b_stride), t7)
        a += WIDTH
        b += WIDTH
    store(w, out, add(load(w, out), sums(t0, t1, t2, t3, t4, t5, t6, t7)))


@njit(cache=True, nogil=True, error_model="numpy")
def _rows(w, out, a, stride, count):  # type: ignore[no-untyped-def] # pragma: no cover
    """Add sum_j A_ij of eight rows."""
    t0, t1, t2, t3, t4, t5, t6, t7 = zero(), zero(), zero(), zero(), zero(), zero(), zero(), zero()
    for _ in range(count):
        t0 = add(t0, load(w, a))
        t1 = add(t1, load(w, a + stride))
        t2 = add(t2, load(w, a + 2 * stride))
        t3 = add(t3, load(w, a + 3 * stride))
        t4 = add(t4, load(w, a + 4 * stride))
        t5 = add(t5, load(w, a + 5 * stride))
        t6 = add(t6, load(w, a + 6 * stride))
        t7 = add(t7, load(w, a + 7 * stride))
        a += WIDTH
    store(w, out, add(load(w, out), sums(t0, t1, t2, t3, t4, t5, t6, t7)))


@njit(cache=True, nogil=True, error_model="numpy")
def _columns(w, out, a, stride, count):  # type: ignore[no-untyped-def] # pragma: no cover
    """Add sum_i A_ij of eight rows."""
    for _ in range(count):
        even = add(add(load(w, a), load(w, a + 2 * stride)), add(load(w, a + 4 * stride), load(w, a + 6 * stride)))
        b = a + stride
        odd = add(add(load(w, b), load(w, b + 2 * stride)), add(load(w, b + 4 * stride), load(w, b + 6 * stride)))
        store(w, out, add(load(w, out), add(even, odd)))
        a += WIDTH
        out += WIDTH


@njit(cache=True, nogil=True, error_model="numpy")
def _apply_transposed(w, out, a, stride, x, count):  # type: ignore[no-untyped-def] # pragma: no cover
    """Add sum_i A_ij x_i of eight rows."""
    x0, x1, x2, x3 = broadcast(w, x), broadcast(w, x + 1), broadcast(w, x + 2), broadcast(w, x + 3)
    x4, x5, x6, x7 = broadcast(w, x + 4), broadcast(w, x + 5), broadcast(w, x + 6), broadcast(w, x + 7)
    for _ in range(count):
        even = fma(load(w, a), x0, load(w, out))
        odd = multiply(load(w, a + stride), x1)
        even = fma(load(w, a + 2 * stride), x2, even)
        odd = fma(load(w, a + 3 * stride), x3, odd)
        even = fma(load(w, a + 4 * stride), x4, even)
        odd = fma(load(w, a + 5 * stride), x5, odd)
        even = fma(load(w, a + 6 * stride), x6, even)
        odd = fma(load(w, a + 7 * stride), x7, odd)
        store(w, out, add(even, odd))
        a += WIDTH
        out += WIDTH


@njit(cache=True, nogil=True, error_model="numpy")
def _hadamard(w, out, out_stride, a, a_stride, b, b_stride, count):  # type: ignore[no-untyped-def] # pragma: no cover
    """A_ij B_ij of eight rows; with a stride of zero B is a vector, the same for all rows."""
    for _ in range(WIDTH):
        for j in range(0, count * WIDTH, WIDTH):
            store(w, out + j, multiply(load(w, a + j), load(w, b + j)))
        out += out_stride
        a += a_stride
        b += b_stride


@njit(cache=True, nogil=True, error_model="numpy")
def _scale_rows(w, out, out_stride, a, a_stride, x, count):  # type: ignore[no-untyped-def] # pragma: no cover
    """A_ij x_i of eight rows."""
    for i in range(WIDTH):
        factor = broadcast(w, x + i)
        for j in range(0, count * WIDTH, WIDTH):
            store(w, out + j, multiply(load(w, a + j), factor))
        out += out_stride
        a += a_stride


@njit(cache=True, nogil=True, error_model="numpy")
def _product(w, out, out_stride, a, a_stride, b, b_stride, strips, vectors, summed, symmetric):  # type: ignore[no-untyped-def] # pragma: no cover
    """sum_j A_ij B_jk: two columns of vectors at a time stay in the nearest cache while all strips of A pass by."""
    for k in range(0, vectors, 2):
        # of a symmetric product the blocks below the diagonal are mirrored afterwards
        for strip in range(min(strips, k + 2) if symmetric else strips):
            place = out + WIDTH * (strip * out_stride + k)
            left = a + WIDTH * strip * a_stride
            if k + 1 < vectors:
                _two_columns(w, place, out_stride, left, a_stride, b + k * WIDTH, b_stride, summed)
            else:
                _one_column(w, place, out_stride, left, a_stride, b + k * WIDTH, b_stride, summed)
    if symmetric:
        for i in range(strips):
            for j in range(i):
                source = out + WIDTH * (j * out_stride + i)
                transpose(w, source, out_stride, w, out + WIDTH * (i * out_stride + j), out_stride)


@njit(cache=True, nogil=True, error_model="numpy")
def _two_columns(w, out, out_stride, a, a_stride, b, b_stride, summed):  # type: ignore[no-untyped-def] # pragma: no cover
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
    _store_column(w, out, out_stride, s0, s1, s2, s3, s4, s5, s6, s7)
    _store_column(w, out + WIDTH, out_stride, t0, t1, t2, t3, t4, t5, t6, t7)


@njit(cache=True, nogil=True, error_model="numpy")
def _one_column(w, out, out_stride, a, a_stride, b, b_stride, summed):  # type: ignore[no-untyped-def] # pragma: no cover
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
    _store_column(w, out, out_stride, s0, s1, s2, s3, s4, s5, s6, s7)


@njit(cache=True, nogil=True, error_model="numpy")
def _store_column(w, out, stride, s0, s1, s2, s3, s4, s5, s6, s7):  # type: ignore[no-untyped-def] # pragma: no cover
    store(w, out, s0)
    store(w, out + stride, s1)
    store(w, out + 2 * stride, s2)
    store(w, out + 3 * stride, s3)
    store(w, out + 4 * stride, s4)
    store(w, out + 5 * stride, s5)
    store(w, out + 6 * stride, s6)
    store(w, out + 7 * stride, s7)


@njit(cache=True, nogil=True, error_model="numpy")
def _scalars(dots, times, w):  # type: ignore[no-untyped-def] # pragma: no cover
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
