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
from numba import njit
from numpy.typing import NDArray

from ..simd import WIDTH, add, aligned_empty, fma, load, multiply, store, store_anywhere, stream, transpose, zero
from .fusion import fused
from .plan import Plan, Step

Table = NDArray[np.int64]
Array = NDArray[np.float64]

_TOGETHER = 4

_OPERATIONS = (
    "input",
    "diagonal",
    "hadamard",
    "hadamard_transposed",
    "rows",
    "columns",
    "row_dots",
    "row_dots_transposed",
    "apply",
    "apply_transposed",
    "scale_rows",
    "scale_columns",
    "product",
    "product_transposed",
    "transposed_product",
    "multiply",
)
(
    _INPUT,
    _DIAGONAL,
    _HADAMARD,
    _HADAMARD_TRANSPOSED,
    _ROWS,
    _COLUMNS,
    _ROW_DOTS,
    _ROW_DOTS_TRANSPOSED,
    _APPLY,
    _APPLY_TRANSPOSED,
    _SCALE_ROWS,
    _SCALE_COLUMNS,
    _PRODUCT,
    _PRODUCT_TRANSPOSED,
    _TRANSPOSED_PRODUCT,
    _MULTIPLY,
) = range(len(_OPERATIONS))


@dataclass(frozen=True, eq=False)
class LaneProgram:
    """A plan as tables of instructions over one workspace; places are entries of it.

    Args:
        code: (instructions, 13): operation, place of the result, places of two operands (of an input, the matrix's
            number), rows and columns of the result, length of the index that is summed over; for matrix times vector
            then the places of three more vectors and their results.
        dots: (groups, 10): length, place of a vector, of four others, of the four dots.
        times: (scalars, 3): places of the result and of two factors.
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

    >>> from .multigraph import Multigraph
    >>> from .plan import plan
    >>> assemble_lanes(plan((Multigraph([(0, 1)]),)), (4,)).workspace // 8  # 2 x 8 for results, ones, a vector, a matrix
    39
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
            code=np.array(code, dtype=np.int64).reshape(-1, 13),
            dots=np.array(dots, dtype=np.int64).reshape(-1, 10),
            times=np.array(times + copies, dtype=np.int64).reshape(-1, 3),
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
        places = [self.places[i] for i in step.inputs] or [step.colour]
        lengths = [*[self.sizes[kind] for kind in step.shape], 1, 1][:2]
        row = [_OPERATIONS.index(step.operation), self.places[group[0]], *[*places, 0][:2], *lengths]
        row.append(self._summed_length(step))
        if step.operation in ("apply", "apply_transposed"):
            others = [*group[1:], *[group[-1]] * (_TOGETHER - len(group))]
            row += [self.places[self.steps[i].inputs[1]] for i in others] + [self.places[i] for i in others]
        return row + [0] * (13 - len(row))

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
                for first in range(0, len(others), _TOGETHER):
                    group = others[first : first + _TOGETHER]
                    group += group[-1:] * (_TOGETHER - len(group))
                    dots.append([length, shared, *(other for other, _ in group), *(out for _, out in group)])
        return dots


def _groups(steps: tuple[Step, ...]) -> Iterable[list[int]]:
    """The steps that make matrices and vectors, in an order ready to execute, matrix times vector up to four at a time.

    Each round takes what is ready in the order of the plan, then all that is ready of matrix times vector.
    """
    pending = [number for number, step in enumerate(steps) if step.shape]
    done: set[int] = set()
    while pending:
        waiting: dict[tuple[int, str], list[int]] = defaultdict(list)
        for number in pending:
            step = steps[number]
            if done.issuperset(step.inputs):
                if step.operation in ("apply", "apply_transposed"):
                    waiting[step.inputs[0], step.operation].append(number)
                else:
                    yield [number]
                    done.add(number)
        for found in waiting.values():
            for first in range(0, len(found), _TOGETHER):
                yield found[first : first + _TOGETHER]
            done.update(found)
        pending = [number for number in pending if number not in done]


def run_lanes(program: LaneProgram, matrices: Array, results: Array) -> None:
    """Evaluate a program on matrices (n, colours, rows, columns), into results (n, len(graphs)); both C-contiguous."""
    workspace = aligned_empty(program.workspace)
    place, length = program.ones
    workspace[place : place + length * WIDTH] = 1
    _run(
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


@njit(cache=True, nogil=True, error_model="numpy")
def _run(code, dots, times, outputs, buffer, w, base, matrices, results):  # type: ignore[no-untyped-def] # pragma: no cover
    n, colours, rows, columns = matrices.shape
    entries, values, graphs = matrices.reshape(matrices.size), results.reshape(results.size), results.shape[1]
    size = colours * rows * columns
    aligned = results.ctypes.data % (8 * WIDTH) == 0
    for start in range(0, n, WIDTH):
        lanes = min(WIDTH, n - start)
        for step in range(len(code)):
            if code[step, 0] == _INPUT:
                first = start * size + code[step, 2] * rows * columns
                _input(w, code[step, 1], entries, first, size, rows * columns, lanes)
            else:
                _perform(code, step, base)
        _scalars(dots, times, base)
        _output(w, outputs, buffer, values, start * graphs, graphs, lanes, aligned)


@njit(cache=True, nogil=True, error_model="numpy")
def _input(w, out, entries, first, size, count, lanes):  # type: ignore[no-untyped-def] # pragma: no cover
    """Lay matrices side by side; lanes without one are zero, so that they cost no slow arithmetic."""
    whole = count - count % WIDTH
    if lanes == WIDTH:
        for e in range(0, whole, WIDTH):
            transpose(entries, first + e, size, w, out + e * WIDTH, WIDTH)
    else:
        whole = 0
        w[out : out + count * WIDTH] = 0.0
    for lane in range(lanes):
        for e in range(whole, count):
            w[out + e * WIDTH + lane] = entries[first + lane * size + e]


@njit(cache=True, nogil=True, error_model="numpy")
def _output(w, out, buffer, values, first, graphs, lanes, aligned):  # type: ignore[no-untyped-def] # pragma: no cover
    """Write the scalars of each matrix next to each other: in cache first, then to memory in one stream."""
    # from the last graphs to the first, since a block that is not full writes into the beginning of the next matrix
    for graph in range((graphs - 1) // WIDTH * WIDTH, -1, -WIDTH):
        transpose(w, out + graph * WIDTH, WIDTH, w, buffer + graph, graphs)
    if lanes < WIDTH:
        for k in range(lanes * graphs):
            values[first + k] = w[buffer + k]
    elif aligned:
        for k in range(0, graphs * WIDTH, WIDTH):
            stream(values, first + k, load(w, buffer + k))
    else:
        for k in range(0, graphs * WIDTH, WIDTH):
            store_anywhere(values, first + k, load(w, buffer + k))


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _perform(code, step, w):  # type: ignore[no-untyped-def] # pragma: no cover
    operation, out, a, b = code[step, 0], code[step, 1], code[step, 2], code[step, 3]
    rows, columns, summed = code[step, 4], code[step, 5], code[step, 6]
    if operation == _ROW_DOTS:
        _row_dots(w, out, a, b, rows, summed, summed, 1)
    elif operation == _ROW_DOTS_TRANSPOSED:
        _row_dots(w, out, a, b, rows, summed, 1, rows)
    elif operation == _APPLY:
        _apply(w, code, step, rows, summed, summed, 1)
    elif operation == _APPLY_TRANSPOSED:
        _apply(w, code, step, rows, summed, 1, rows)
    elif operation == _ROWS:
        _rows(w, out, a, rows, summed, summed, 1)
    elif operation == _COLUMNS:
        _rows(w, out, a, rows, summed, 1, rows)
    elif operation == _HADAMARD:
        _hadamard(w, out, a, b, 1, rows * columns, 0, 1)
    elif operation == _MULTIPLY:
        _hadamard(w, out, a, b, 1, rows, 0, 1)
    elif operation == _HADAMARD_TRANSPOSED:
        _hadamard(w, out, a, b, rows, columns, 1, rows)
    elif operation == _SCALE_ROWS:
        _hadamard(w, out, a, b, rows, columns, 1, 0)
    elif operation == _SCALE_COLUMNS:
        _hadamard(w, out, a, b, rows, columns, 0, 1)
    elif operation == _DIAGONAL:
        for i in range(rows):
            store(w, out + i * WIDTH, load(w, a + i * (rows + 1) * WIDTH))
    elif operation == _PRODUCT:
        _product(w, out, a, b, rows, columns, summed, summed, 1, columns, 1)
    elif operation == _PRODUCT_TRANSPOSED:
        _product(w, out, a, b, rows, columns, summed, summed, 1, 1, summed)
    else:
        _product(w, out, a, b, rows, columns, summed, 1, rows, columns, 1)


# Strides and lengths below count vectors: the entry (i, j) of an operand stands at place + (i * si + j * sj) * WIDTH.


@njit(cache=True, nogil=True, error_model="numpy")
def _rows(w, out, a, rows, summed, si, sj):  # type: ignore[no-untyped-def] # pragma: no cover
    """sum_j A_ij."""
    for i in range(rows):
        place = a + i * si * WIDTH
        total = zero()
        for _ in range(summed):
            total = add(total, load(w, place))
            place += sj * WIDTH
        store(w, out + i * WIDTH, total)


@njit(cache=True, nogil=True, error_model="numpy")
def _row_dots(w, out, a, b, rows, summed, si, sj):  # type: ignore[no-untyped-def] # pragma: no cover
    """sum_j A_ij B_ij, with the strides of B."""
    for i in range(rows):
        left, right = a + i * summed * WIDTH, b + i * si * WIDTH
        total = zero()
        for _ in range(summed):
            total = fma(load(w, left), load(w, right), total)
            left += WIDTH
            right += sj * WIDTH
        store(w, out + i * WIDTH, total)


@njit(cache=True, nogil=True, error_model="numpy")
def _apply(w, code, step, rows, summed, si, sj):  # type: ignore[no-untyped-def] # pragma: no cover
    """sum_j A_ij x_j of four vectors at a time: each entry of A is read once for the four."""
    a, x0, x1, x2, x3 = code[step, 2], code[step, 3], code[step, 7], code[step, 8], code[step, 9]
    out0, out1, out2, out3 = code[step, 1], code[step, 10], code[step, 11], code[step, 12]
    for i in range(rows):
        place = a + i * si * WIDTH
        t0, t1, t2, t3 = zero(), zero(), zero(), zero()
        for j in range(0, summed * WIDTH, WIDTH):
            entry = load(w, place)
            t0 = fma(entry, load(w, x0 + j), t0)
            t1 = fma(entry, load(w, x1 + j), t1)
            t2 = fma(entry, load(w, x2 + j), t2)
            t3 = fma(entry, load(w, x3 + j), t3)
            place += sj * WIDTH
        store(w, out0 + i * WIDTH, t0)
        store(w, out1 + i * WIDTH, t1)
        store(w, out2 + i * WIDTH, t2)
        store(w, out3 + i * WIDTH, t3)


@njit(cache=True, nogil=True, error_model="numpy")
def _hadamard(w, out, a, b, rows, columns, si, sj):  # type: ignore[no-untyped-def] # pragma: no cover
    """A_ij B_ij, with the strides of B."""
    place = 0
    for i in range(rows):
        other = b + i * si * WIDTH
        for _ in range(columns):
            store(w, out + place, multiply(load(w, a + place), load(w, other)))
            place += WIDTH
            other += sj * WIDTH


@njit(cache=True, nogil=True, error_model="numpy")
def _product(w, out, a, b, rows, columns, summed, ai, aj, bj, bk):  # type: ignore[no-untyped-def] # pragma: no cover
    """sum_j A_ij B_jk: two rows and four columns at a time, whose sums stay in registers.

    The last rows and columns overlap those before them. Of a symmetric product (A is B, read the other way) what lies
    below the diagonal is copied.
    """
    symmetric = a == b and ai == bk and aj == bj
    if rows < 2 or columns < 4:
        _small_product(w, out, a, b, rows, columns, summed, ai, aj, bj, bk)
        return
    for pair in range(-(-rows // 2)):
        i = min(2 * pair, rows - 2)
        for block in range(-(-columns // 4)):
            k = min(4 * block, columns - 4)
            if symmetric and k + 3 < i:
                continue
            left, right = a + i * ai * WIDTH, b + k * bk * WIDTH
            s0, s1, s2, s3 = zero(), zero(), zero(), zero()
            t0, t1, t2, t3 = zero(), zero(), zero(), zero()
            for _ in range(summed):
                x, y = load(w, left), load(w, left + ai * WIDTH)
                z = load(w, right)
                s0, t0 = fma(x, z, s0), fma(y, z, t0)
                z = load(w, right + bk * WIDTH)
                s1, t1 = fma(x, z, s1), fma(y, z, t1)
                z = load(w, right + 2 * bk * WIDTH)
                s2, t2 = fma(x, z, s2), fma(y, z, t2)
                z = load(w, right + 3 * bk * WIDTH)
                s3, t3 = fma(x, z, s3), fma(y, z, t3)
                left += aj * WIDTH
                right += bj * WIDTH
            place = out + (i * columns + k) * WIDTH
            store(w, place, s0)
            store(w, place + WIDTH, s1)
            store(w, place + 2 * WIDTH, s2)
            store(w, place + 3 * WIDTH, s3)
            place += columns * WIDTH
            store(w, place, t0)
            store(w, place + WIDTH, t1)
            store(w, place + 2 * WIDTH, t2)
            store(w, place + 3 * WIDTH, t3)
    if symmetric:
        for i in range(rows):
            for k in range(i):
                store(w, out + (i * columns + k) * WIDTH, load(w, out + (k * columns + i) * WIDTH))


@njit(cache=True, nogil=True, error_model="numpy")
def _small_product(w, out, a, b, rows, columns, summed, ai, aj, bj, bk):  # type: ignore[no-untyped-def] # pragma: no cover
    """sum_j A_ij B_jk, entry by entry."""
    for i in range(rows):
        for k in range(columns):
            left, right = a + i * ai * WIDTH, b + k * bk * WIDTH
            total = zero()
            for _ in range(summed):
                total = fma(load(w, left), load(w, right), total)
                left += aj * WIDTH
                right += bj * WIDTH
            store(w, out + (i * columns + k) * WIDTH, total)


@njit(cache=True, nogil=True, error_model="numpy")
def _scalars(dots, times, w):  # type: ignore[no-untyped-def] # pragma: no cover
    """Dots, four at a time with one vector, then the products of scalars in order."""
    for group in range(len(dots)):
        length, x = dots[group, 0], dots[group, 1]
        y0, y1, y2, y3 = dots[group, 2], dots[group, 3], dots[group, 4], dots[group, 5]
        t0, t1, t2, t3 = zero(), zero(), zero(), zero()
        for j in range(0, length * WIDTH, WIDTH):
            entry = load(w, x + j)
            t0 = fma(entry, load(w, y0 + j), t0)
            t1 = fma(entry, load(w, y1 + j), t1)
            t2 = fma(entry, load(w, y2 + j), t2)
            t3 = fma(entry, load(w, y3 + j), t3)
        store(w, dots[group, 6], t0)
        store(w, dots[group, 7], t1)
        store(w, dots[group, 8], t2)
        store(w, dots[group, 9], t3)
    for k in range(len(times)):
        store(w, times[k, 0], multiply(load(w, times[k, 1]), load(w, times[k, 2])))
