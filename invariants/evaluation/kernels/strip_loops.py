"""The compiled loop over the instructions of a strip program, and its operations on strips of eight rows.

>>> OPERATIONS[PRODUCT]
'product'
"""

from ....simd import (
    WIDTH,
    add,
    add_multiples,
    add_products,
    add_products_at,
    add_rows,
    broadcast,
    fma,
    load,
    load_anywhere,
    multiply,
    prefetch,
    store,
    store_block,
    sums,
    transpose,
    zero,
    zeros,
)
from ....simd.compiled import compiled

DEPTH = 128  # of the sums of a product at a time: what is read again stays in the caches
_COPIED = 12  # from so many strips on what a product reads is copied first, in the order of reading

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
#: What the parts of a matrix share.
DIVIDED = (PASS, PRODUCT, MIRROR, TRANSPOSE)


@compiled
def run(inputs, vectors, code, dots, times, outputs, parts, w, matrices, results):
    total = 0.0
    for n in range(len(matrices)):
        total += begin(inputs, vectors, w, matrices[n])
        step = 0
        while step < len(code):
            following = step
            for part in range(parts):
                following = perform(code, step, w, part, parts)
            step = following
        finish(dots, times, outputs, w, results[n])
    return total


@compiled
def begin(inputs, vectors, w, matrices):
    """Lay the matrices out, with zeros around them, and begin all sums; returns the sum of all entries."""
    total, rest = zero(), 0.0
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
                    values = load_anywhere(entries, source + j)
                    store(w, row + j, values)
                    total = add(total, values)
                for j in range(whole, columns):
                    w[row + j] = entries[source + j]
                    rest += entries[source + j]
                filled = columns
            for j in range(filled, width * WIDTH):
                w[row + j] = 0.0
    # where sums will stand, as long as none does
    store(w, vectors[0], total)
    rest += w[vectors[0] : vectors[0] + WIDTH].sum()
    w[vectors[0] : vectors[0] + WIDTH] = 0.0
    return rest


@compiled
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


@compiled
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


@compiled
def _row_dots(w, out, a, a_stride, b, b_stride, strips, count):
    """Add sum_j A_ij B_ij; with a stride of zero B is a vector, the same for all rows."""
    for strip in range(strips):
        x, y = a + strip * WIDTH * a_stride, b + strip * WIDTH * b_stride
        totals = zeros()
        for j in range(0, count * WIDTH, WIDTH):
            totals = add_products(totals, w, x + j, a_stride, y + j, b_stride)
        place = out + strip * WIDTH
        store(w, place, add(load(w, place), sums(totals)))


@compiled
def _rows(w, out, a, stride, strips, count):
    """Add sum_j A_ij."""
    for strip in range(strips):
        x = a + strip * WIDTH * stride
        totals = zeros()
        for j in range(0, count * WIDTH, WIDTH):
            totals = add_rows(totals, w, x + j, stride)
        place = out + strip * WIDTH
        store(w, place, add(load(w, place), sums(totals)))


@compiled
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


@compiled
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


@compiled
def _hadamard(w, out, out_stride, a, a_stride, b, b_stride, strips, count):
    """A_ij B_ij; with a stride of zero B is a vector, the same for all rows."""
    for _ in range(strips * WIDTH):
        for j in range(0, count * WIDTH, WIDTH):
            store(w, out + j, multiply(load(w, a + j), load(w, b + j)))
        out += out_stride
        a += a_stride
        b += b_stride


@compiled
def _scale_rows(w, out, out_stride, a, a_stride, x, strips, count):
    """A_ij x_i."""
    for i in range(strips * WIDTH):
        factor = broadcast(w, x + i)
        for j in range(0, count * WIDTH, WIDTH):
            store(w, out + j, multiply(load(w, a + j), factor))
        out += out_stride
        a += a_stride


@compiled
def _product(w, out, out_stride, a, a_stride, b, b_stride, pack, strips, vectors, summed, symmetric, part, parts):
    """sum_j A_ji B_jk: sixteen columns at a time stay in the nearest cache while the strips of the result pass by.

    A comes transposed, so that the eight entries that go into a strip lie next to each other. Of large matrices what is
    about to be read many times is copied first, in the order of reading: eight columns of A for each strip, and sixteen
    of B.
    """
    copied = strips >= _COPIED
    copies = pack + 2 * WIDTH * DEPTH
    for start in range(0, summed, DEPTH):
        depth = min(DEPTH, summed - start)
        if copied:
            for j in range(depth):
                source = a + (start + j) * a_stride
                for strip in range(part, strips, parts):
                    store(w, copies + WIDTH * (strip // parts * DEPTH + j), load(w, source + strip * WIDTH))
        for k in range(0, vectors, 2):
            both = k + 1 < vectors
            right, right_stride = b + start * b_stride + k * WIDTH, b_stride
            if copied:
                for j in range(depth):
                    source, target = right + j * b_stride, pack + 2 * j * WIDTH
                    store(w, target, load(w, source))
                    if both:
                        store(w, target + WIDTH, load(w, source + WIDTH))
                right, right_stride = pack, 2 * WIDTH
            # of a symmetric product the blocks below the diagonal are mirrored afterwards
            for strip in range(part, min(strips, k + 2) if symmetric else strips, parts):
                place = out + WIDTH * (strip * out_stride + k)
                left, left_stride = a + start * a_stride + WIDTH * strip, a_stride
                if copied:
                    left, left_stride = copies + WIDTH * (strip // parts * DEPTH), WIDTH
                if both:
                    _two_columns(w, place, out_stride, left, left_stride, right, right_stride, depth, start > 0)
                else:
                    _one_column(w, place, out_stride, left, left_stride, right, right_stride, depth, start > 0)


@compiled
def _two_columns(w, out, out_stride, a, a_stride, b, b_stride, summed, more):
    """Eight rows and sixteen columns of a product, in sixteen registers; `more` is added to a sum that stands there."""
    left, right = zeros(), zeros()
    for _ in range(summed):
        left = add_multiples(left, load(w, b), w, a, 1)
        right = add_multiples(right, load(w, b + WIDTH), w, a, 1)
        prefetch(w, a + WIDTH * DEPTH)  # the next strip's, if it was copied
        a += a_stride
        b += b_stride
    if more:
        left, right = add_rows(left, w, out, out_stride), add_rows(right, w, out + WIDTH, out_stride)
    store_block(w, out, out_stride, left)
    store_block(w, out + WIDTH, out_stride, right)


@compiled
def _one_column(w, out, out_stride, a, a_stride, b, b_stride, summed, more):
    """Eight rows and eight columns of a product."""
    block = zeros()
    for _ in range(summed):
        block = add_multiples(block, load(w, b), w, a, 1)
        a += a_stride
        b += b_stride
    if more:
        block = add_rows(block, w, out, out_stride)
    store_block(w, out, out_stride, block)


@compiled
def finish(dots, times, outputs, w, result):
    """Eight dots at a time, then the products of scalars in order."""
    groups, columns = dots.shape
    table = dots.reshape(groups * columns)
    for first in range(0, groups * columns, columns):
        totals = zeros()
        for j in range(0, table[first + 1] * WIDTH, WIDTH):
            totals = add_products_at(totals, w, table, first + 2, j)
        store(w, table[first], sums(totals))
    for k in range(len(times)):
        out, a, b = times[k]
        w[out] = w[a] * w[b]
    for graph in range(len(outputs)):
        result[graph] = w[outputs[graph]]
