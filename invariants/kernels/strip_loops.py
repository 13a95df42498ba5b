"""The compiled loop over the instructions of a strip program, and its operations on strips of eight rows.

>>> OPERATIONS[PRODUCT]
'product'
"""

from numba import njit

from ...simd import (
    WIDTH,
    add,
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

DEPTH = 192  # of the sums of a product at a time: what is read again stays in the caches
_PACKED = 12  # from so many strips on the columns of a product are copied next to each other first

OPERATIONS = (
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
    PASS,
    MERGE,
    PRODUCT,
    MIRROR,
    TRANSPOSE,
    DIAGONAL,
    MULTIPLY,
) = range(len(OPERATIONS))


@njit(cache=True, nogil=True, error_model="numpy")
def run(inputs, vectors, code, dots, times, outputs, parts, w, matrices, results):
    for n in range(len(matrices)):
        begin(inputs, vectors, w, matrices[n])
        step = 0
        while step < len(code):
            following = step
            for part in range(parts):
                following = perform(code, step, w, part, parts)
            step = following
        finish(dots, times, outputs, w, results[n])


@njit(cache=True, nogil=True, error_model="numpy")
def begin(inputs, vectors, w, matrices):
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
def perform(code, step, w, part, parts):
    """A part of the instruction at `step`; the place of the next one."""
    operation, out, n1, n2, n3 = code[step, 0], code[step, 1], code[step, 2], code[step, 3], code[step, 4]
    out_stride, a, a_stride, b, b_stride = code[step, 5], code[step, 6], code[step, 10], code[step, 11], code[step, 15]
    if operation == PASS:
        groups = -(-n1 // out_stride)
        first, last = groups * part // parts * out_stride, min(groups * (part + 1) // parts * out_stride, n1)
        _sweep(code[step + 1 : step + 1 + out], w, first, last, n2, n3, out_stride, part)
        return step + 1 + out
    if operation == PRODUCT:
        summed, pack = code[step, 7], code[step, 12] + part * code[step, 13]
        _product(w, out, out_stride, a, a_stride, b, b_stride, pack, n1, n2, summed, n3, part, parts)
    elif operation == MIRROR:
        # above the diagonal stands what is mirrored below
        for i in range(part, n1, parts):
            for j in range(i):
                source = out + WIDTH * (j * out_stride + i)
                transpose(w, source, out_stride, w, out + WIDTH * (i * out_stride + j), out_stride)
    elif operation == TRANSPOSE:
        for i in range(part, n1, parts):
            for j in range(n2):
                target = out + WIDTH * (i * out_stride + j)
                transpose(w, a + WIDTH * (j * a_stride + i), a_stride, w, target, out_stride)
    elif part == 0:
        if operation == DIAGONAL:
            for i in range(n1):
                w[out + i] = w[a + i * (a_stride + 1)]
        elif operation == MULTIPLY:
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
def _sweep(code, w, first, last, vectors, width, height, part):
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
def _row_dots(w, out, a, a_stride, b, b_stride, strips, count):
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
def _rows(w, out, a, stride, strips, count):
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
def _columns(w, out, a, stride, strips, count):
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
def _apply_transposed(w, out, a, stride, x, strips, count):
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
def _hadamard(w, out, out_stride, a, a_stride, b, b_stride, strips, count):
    """A_ij B_ij; with a stride of zero B is a vector, the same for all rows."""
    for _ in range(strips * WIDTH):
        for j in range(0, count * WIDTH, WIDTH):
            store(w, out + j, multiply(load(w, a + j), load(w, b + j)))
        out += out_stride
        a += a_stride
        b += b_stride


@njit(cache=True, nogil=True, error_model="numpy")
def _scale_rows(w, out, out_stride, a, a_stride, x, strips, count):
    """A_ij x_i."""
    for i in range(strips * WIDTH):
        factor = broadcast(w, x + i)
        for j in range(0, count * WIDTH, WIDTH):
            store(w, out + j, multiply(load(w, a + j), factor))
        out += out_stride
        a += a_stride


@njit(cache=True, nogil=True, error_model="numpy")
def _product(w, out, out_stride, a, a_stride, b, b_stride, pack, strips, vectors, summed, symmetric, part, parts):
    """sum_j A_ij B_jk: sixteen columns at a time stay in the nearest cache while all strips of A pass by."""
    for start in range(0, summed, DEPTH):
        depth = min(DEPTH, summed - start)
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
def _two_columns(w, out, out_stride, a, a_stride, b, b_stride, summed, more):
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
def _one_column(w, out, out_stride, a, a_stride, b, b_stride, summed, more):
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
def _store_column(w, out, stride, more, s0, s1, s2, s3, s4, s5, s6, s7):
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
def finish(dots, times, outputs, w, result):
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
