"""The compiled loop over the instructions of a lane program, and its operations on eight matrices side by side.

`w` is the workspace, or its address: an array is many arguments to a compiled function, an address is one.
"""

from .....simd import (
    add,
    broadcast,
    fma,
    load,
    multiply,
    store,
    stream,
    transpose,
)
from .....simd.compiled import compiled
from .table import (
    APPLY,
    APPLY_TRANSPOSED,
    COLUMNS,
    DIAGONAL,
    DOTS,
    FIRST_FACTOR,
    HADAMARD,
    HADAMARD_TRANSPOSED,
    INPUT,
    LEFT,
    LENGTH,
    MORE_RESULTS,
    MORE_RIGHT,
    MULTIPLY,
    OPERATION,
    OTHERS,
    PRODUCT,
    PRODUCT_RESULT,
    PRODUCT_TRANSPOSED,
    RESULT,
    RESULT_COLUMNS,
    RESULT_ROWS,
    RIGHT,
    ROW_DOTS,
    ROW_DOTS_TRANSPOSED,
    ROWS,
    SCALE_COLUMNS,
    SCALE_ROWS,
    SECOND_FACTOR,
    SHARED,
    SUMMED,
    WIDTH,
)


@compiled
def run(code, dots, times, outputs, buffer, w, base, matrices, results):
    n, colours, rows, columns = matrices.shape
    entries, values, graphs = matrices.reshape(matrices.size), results.reshape(results.size), results.shape[1]
    size = colours * rows * columns
    before = -results.ctypes.data % (8 * WIDTH) // 8  # entries before the first cache line
    total = broadcast(0.0)
    for start in range(0, n, WIDTH):
        lanes = min(WIDTH, n - start)
        for step in range(len(code)):
            if code[step, OPERATION] == INPUT:
                first = start * size + code[step, LEFT] * rows * columns
                total = add(total, read(w, code[step, RESULT], entries, first, size, rows * columns, lanes))
            else:
                perform(code, step, base)
        scalars(dots, times, base)
        write(w, outputs, buffer, values, start * graphs, graphs, lanes, before)
    store(w, buffer, total)
    return w[buffer : buffer + WIDTH].sum()


@compiled
def read(w, out, entries, first, size, count, lanes):
    """Lay matrices side by side, and add up their entries; lanes without one are zero."""
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
    total = broadcast(0.0)
    for e in range(0, count * WIDTH, WIDTH):
        total = add(total, load(w, out + e))
    return total


@compiled
def write(w, out, buffer, values, first, graphs, lanes, before):
    """Write the scalars of each matrix next to each other: in cache first, then to memory in one stream."""
    # from the last graphs to the first, since a block that is not full writes into the beginning of the next matrix
    for graph in range((graphs - 1) // WIDTH * WIDTH, -1, -WIDTH):
        transpose(w, out + graph * WIDTH, WIDTH, w, buffer + graph, graphs)
    count = lanes * graphs
    start = min(before, count)
    end = start + (count - start) // WIDTH * WIDTH
    for k in range(start):
        values[first + k] = w[buffer + k]
    for k in range(start, end, WIDTH):
        stream(values, first + k, load(w, buffer + k))
    for k in range(end, count):
        values[first + k] = w[buffer + k]


@compiled(inline="always")
def perform(code, step, w):
    operation, out, a, b = code[step, OPERATION], code[step, RESULT], code[step, LEFT], code[step, RIGHT]
    rows, columns, summed = code[step, RESULT_ROWS], code[step, RESULT_COLUMNS], code[step, SUMMED]
    if operation == ROW_DOTS:
        _row_dots(w, out, a, b, rows, summed, summed, 1)
    elif operation == ROW_DOTS_TRANSPOSED:
        _row_dots(w, out, a, b, rows, summed, 1, rows)
    elif operation == APPLY:
        _apply(w, code, step, rows, summed, summed, 1)
    elif operation == APPLY_TRANSPOSED:
        _apply(w, code, step, rows, summed, 1, rows)
    elif operation == ROWS:
        _rows(w, out, a, rows, summed, summed, 1)
    elif operation == COLUMNS:
        _rows(w, out, a, rows, summed, 1, rows)
    elif operation == HADAMARD:
        _hadamard(w, out, a, b, 1, rows * columns, 0, 1)
    elif operation == MULTIPLY:
        _hadamard(w, out, a, b, 1, rows, 0, 1)
    elif operation == HADAMARD_TRANSPOSED:
        _hadamard(w, out, a, b, rows, columns, 1, rows)
    elif operation == SCALE_ROWS:
        _hadamard(w, out, a, b, rows, columns, 1, 0)
    elif operation == SCALE_COLUMNS:
        _hadamard(w, out, a, b, rows, columns, 0, 1)
    elif operation == DIAGONAL:
        for i in range(rows):
            store(w, out + i * WIDTH, load(w, a + i * (rows + 1) * WIDTH))
    elif operation == PRODUCT:
        _product(w, out, a, b, rows, columns, summed, summed, 1, columns, 1)
    elif operation == PRODUCT_TRANSPOSED:
        _product(w, out, a, b, rows, columns, summed, summed, 1, 1, summed)
    else:
        _product(w, out, a, b, rows, columns, summed, 1, rows, columns, 1)


# Strides and lengths below count vectors: the entry (i, j) of an operand stands at place + (i * si + j * sj) * WIDTH.


@compiled
def _rows(w, out, a, rows, summed, si, sj):
    """sum_j A_ij."""
    for i in range(rows):
        place = a + i * si * WIDTH
        total = broadcast(0.0)
        for _ in range(summed):
            total = add(total, load(w, place))
            place += sj * WIDTH
        store(w, out + i * WIDTH, total)


@compiled
def _row_dots(w, out, a, b, rows, summed, si, sj):
    """sum_j A_ij B_ij, with the strides of B."""
    for i in range(rows):
        left, right = a + i * summed * WIDTH, b + i * si * WIDTH
        total = broadcast(0.0)
        for _ in range(summed):
            total = fma(load(w, left), load(w, right), total)
            left += WIDTH
            right += sj * WIDTH
        store(w, out + i * WIDTH, total)


@compiled
def _apply(w, code, step, rows, summed, si, sj):
    """sum_j A_ij x_j of four vectors at a time: each entry of A is read once for the four."""
    a, x0, out0 = code[step, LEFT], code[step, RIGHT], code[step, RESULT]
    x1, x2, x3 = code[step, MORE_RIGHT], code[step, MORE_RIGHT + 1], code[step, MORE_RIGHT + 2]
    out1, out2, out3 = code[step, MORE_RESULTS], code[step, MORE_RESULTS + 1], code[step, MORE_RESULTS + 2]
    for i in range(rows):
        place = a + i * si * WIDTH
        t0, t1, t2, t3 = broadcast(0.0), broadcast(0.0), broadcast(0.0), broadcast(0.0)
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


@compiled
def _hadamard(w, out, a, b, rows, columns, si, sj):
    """A_ij B_ij, with the strides of B."""
    place = 0
    for i in range(rows):
        other = b + i * si * WIDTH
        for _ in range(columns):
            store(w, out + place, multiply(load(w, a + place), load(w, other)))
            place += WIDTH
            other += sj * WIDTH


@compiled
def _product(w, out, a, b, rows, columns, summed, ai, aj, bj, bk):
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
            s0, s1, s2, s3 = broadcast(0.0), broadcast(0.0), broadcast(0.0), broadcast(0.0)
            t0, t1, t2, t3 = broadcast(0.0), broadcast(0.0), broadcast(0.0), broadcast(0.0)
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


@compiled
def _small_product(w, out, a, b, rows, columns, summed, ai, aj, bj, bk):
    """sum_j A_ij B_jk, entry by entry."""
    for i in range(rows):
        for k in range(columns):
            left, right = a + i * ai * WIDTH, b + k * bk * WIDTH
            total = broadcast(0.0)
            for _ in range(summed):
                total = fma(load(w, left), load(w, right), total)
                left += aj * WIDTH
                right += bj * WIDTH
            store(w, out + (i * columns + k) * WIDTH, total)


@compiled
def scalars(dots, times, w):
    """Dots, four at a time with one vector, then the products of scalars in order."""
    for group in range(len(dots)):
        length, x = dots[group, LENGTH], dots[group, SHARED]
        y0, y1 = dots[group, OTHERS], dots[group, OTHERS + 1]
        y2, y3 = dots[group, OTHERS + 2], dots[group, OTHERS + 3]
        t0, t1, t2, t3 = broadcast(0.0), broadcast(0.0), broadcast(0.0), broadcast(0.0)
        for j in range(0, length * WIDTH, WIDTH):
            entry = load(w, x + j)
            t0 = fma(entry, load(w, y0 + j), t0)
            t1 = fma(entry, load(w, y1 + j), t1)
            t2 = fma(entry, load(w, y2 + j), t2)
            t3 = fma(entry, load(w, y3 + j), t3)
        store(w, dots[group, DOTS], t0)
        store(w, dots[group, DOTS + 1], t1)
        store(w, dots[group, DOTS + 2], t2)
        store(w, dots[group, DOTS + 3], t3)
    for k in range(len(times)):
        product = multiply(load(w, times[k, FIRST_FACTOR]), load(w, times[k, SECOND_FACTOR]))
        store(w, times[k, PRODUCT_RESULT], product)
