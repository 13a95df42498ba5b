"""The compiled loop over the instructions of a strip program, and its operations on strips of eight rows."""

import numpy as np

from .....simd import (
    add,
    add_multiples,
    add_pair_products,
    add_row_products,
    add_rows,
    at,
    broadcast,
    fma,
    load,
    multiply,
    prefetch,
    store,
    store_block,
    sums,
    transpose,
    zeros,
)
from .....simd.compiled import compiled
from .table import (
    ADD,
    ADD_DIAGONAL,
    ADD_HADAMARD,
    ADD_MULTIPLIED,
    ADD_OUTER,
    ADD_SCALED_ROWS,
    APPLY,
    APPLY_TRANSPOSED,
    BLOCK_HEIGHT,
    BLOCK_WIDTH,
    BY_BLOCK,
    BY_PART,
    BY_STRIP,
    COLUMNS,
    COPIES,
    COPIES_BY_PART,
    DIAGONAL,
    DOTS,
    ENTRIES,
    FIRST_FACTOR,
    HADAMARD,
    INPUT_PLACE,
    INPUT_STRIDE,
    INPUT_STRIPS,
    INPUT_VECTORS,
    LEFT,
    LENGTH,
    MIRROR,
    MULTIPLY,
    OPERATION,
    PAIRS,
    PASS,
    PLACE,
    PRODUCT,
    PRODUCT_RESULT,
    RESULT,
    RIGHT,
    ROW_DOTS,
    ROWS,
    SCALE_COLUMNS,
    SCALE_ROWS,
    SECOND_FACTOR,
    STEPS,
    STRIDE,
    STRIPS,
    SUMMED,
    SYMMETRIC,
    TRANSPOSE,
    VECTORS,
    WIDTH,
)

DEPTH = 128  # of the sums of a product at a time: what is read again stays in the caches
_COPIED = 12  # from so many strips on what a product reads is copied first, in the order of reading
_EIGHT = (0,) * WIDTH  # the length of a block


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
    total, rest = broadcast(0.0), 0.0
    w[vectors[0] : vectors[1]] = 0.0
    colours, rows, columns = matrices.shape
    entries = matrices.reshape(colours * rows * columns)
    whole = columns - columns % WIDTH
    for colour in range(len(inputs)):
        place, strips = inputs[colour, INPUT_PLACE], inputs[colour, INPUT_STRIPS]
        width, stride = inputs[colour, INPUT_VECTORS], inputs[colour, INPUT_STRIDE]
        for i in range(strips * WIDTH):
            row, source = place + i * stride, (colour * rows + i) * columns
            filled = 0
            if i < rows:
                for j in range(0, whole, WIDTH):
                    values = load(entries, source + j)
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
    operation, strips, vectors = code[step, OPERATION], code[step, STRIPS], code[step, VECTORS]
    if operation == PASS:
        steps, width, height = code[step, STEPS], code[step, BLOCK_WIDTH], code[step, BLOCK_HEIGHT]
        groups = -(-strips // height)
        first, last = groups * part // parts * height, min(groups * (part + 1) // parts * height, strips)
        _sweep(code[step + 1 : step + 1 + steps], w, first, last, vectors, width, height, part)
        return step + 1 + steps
    out, out_stride = code[step, RESULT + PLACE], code[step, RESULT + STRIDE]
    a, a_stride = code[step, LEFT + PLACE], code[step, LEFT + STRIDE]
    b, b_stride = code[step, RIGHT + PLACE], code[step, RIGHT + STRIDE]
    if operation == PRODUCT:
        summed, symmetric = code[step, SUMMED], code[step, SYMMETRIC]
        copies = code[step, COPIES] + part * code[step, COPIES_BY_PART]
        _product(w, out, out_stride, a, a_stride, b, b_stride, copies, strips, vectors, summed, symmetric, part, parts)
    elif operation == MIRROR:
        # above the diagonal stands what is mirrored below
        for i in range(part, strips, parts):
            for j in range(i):
                source = out + WIDTH * (j * out_stride + i)
                transpose(w, source, out_stride, w, out + WIDTH * (i * out_stride + j), out_stride)
    elif operation == TRANSPOSE:
        for i in range(part, strips, parts):
            for j in range(vectors):
                target = out + WIDTH * (i * out_stride + j)
                transpose(w, a + WIDTH * (j * a_stride + i), a_stride, w, target, out_stride)
    elif part == 0:
        if operation == DIAGONAL:
            for i in range(code[step, ENTRIES]):
                w[out + i] = w[a + i * (a_stride + 1)]
        elif operation == MULTIPLY:
            for j in range(0, vectors * WIDTH, WIDTH):
                store(w, out + j, multiply(load(w, a + j), load(w, b + j)))
        elif operation == ADD_MULTIPLIED:
            for j in range(0, vectors * WIDTH, WIDTH):
                store(w, out + j, fma(load(w, a + j), load(w, b + j), load(w, out + j)))
        else:  # merge the sums over the columns of the parts
            for j in range(0, vectors * WIDTH, WIDTH):
                total = load(w, out + j)
                for other in range(1, parts):
                    total = add(total, load(w, out + j + other * vectors * WIDTH))
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
                operation = code[step, OPERATION]
                out, out_stride = _operand(code, step, RESULT, strip, block, part)
                a, a_stride = _operand(code, step, LEFT, strip, block, part)
                b, b_stride = _operand(code, step, RIGHT, strip, block, part)
                if operation == ROW_DOTS:
                    _row_dots(w, out, a, a_stride, b, b_stride, strips, count)
                elif operation == APPLY:
                    _row_dots(w, out, a, a_stride, b, 0, strips, count)
                elif operation == ROWS:
                    _rows(w, out, a, a_stride, strips, count)
                elif operation == COLUMNS:
                    _columns(w, out, a, a_stride, strips, count)
                elif operation == APPLY_TRANSPOSED:
                    _apply_transposed(w, out, a, a_stride, b, strips, count)
                elif operation == HADAMARD:
                    _hadamard(w, out, out_stride, a, a_stride, b, b_stride, strips, count)
                elif operation == SCALE_COLUMNS:
                    _hadamard(w, out, out_stride, a, a_stride, b, 0, strips, count)
                elif operation == SCALE_ROWS:
                    _scale_rows(w, out, out_stride, a, a_stride, b, strips, count)
                elif operation == ADD_HADAMARD:
                    _add_hadamard(w, out, out_stride, a, a_stride, b, b_stride, strips, count)
                elif operation == ADD_SCALED_ROWS:
                    _add_scaled_rows(w, out, out_stride, a, a_stride, b, strips, count)
                elif operation == ADD_OUTER:
                    _add_outer(w, out, out_stride, a, b, strips, count)
                elif operation == ADD:
                    _add(w, out, out_stride, a, a_stride, strips, count)
                elif operation == ADD_DIAGONAL:
                    _add_diagonal(w, out, out_stride, a, strip - block * width, strips, count)
                else:
                    _zeros_of_matrix(w, out, out_stride, strips, count)


@compiled(inline="always")
def _operand(code, step, operand, strip, block, part):
    """Where an operand of an instruction of a pass begins, and its stride."""
    place = code[step, operand + PLACE] + strip * code[step, operand + BY_STRIP]
    place += block * code[step, operand + BY_BLOCK] + part * code[step, operand + BY_PART]
    return place, code[step, operand + STRIDE]


@compiled(inline="always")
def _zeros():
    """The beginning of eight sums of vectors."""
    return zeros(_EIGHT, np.float64)


@compiled(inline="always")
def _repeated(w, place):
    """An entry, eight times."""
    return broadcast(at(w, place))


@compiled
def _row_dots(w, out, a, a_stride, b, b_stride, strips, count):
    """Add sum_j A_ij B_ij; with a stride of zero B is a vector, the same for all rows."""
    for strip in range(strips):
        x, y = a + strip * WIDTH * a_stride, b + strip * WIDTH * b_stride
        totals = _zeros()
        for j in range(0, count * WIDTH, WIDTH):
            totals = add_row_products(totals, w, x + j, a_stride, y + j, b_stride)
        place = out + strip * WIDTH
        store(w, place, add(load(w, place), sums(totals)))


@compiled
def _rows(w, out, a, stride, strips, count):
    """Add sum_j A_ij."""
    for strip in range(strips):
        x = a + strip * WIDTH * stride
        totals = _zeros()
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
        x0, x1, x2, x3 = _repeated(w, x), _repeated(w, x + 1), _repeated(w, x + 2), _repeated(w, x + 3)
        x4, x5, x6, x7 = _repeated(w, x + 4), _repeated(w, x + 5), _repeated(w, x + 6), _repeated(w, x + 7)
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
        factor = _repeated(w, x + i)
        for j in range(0, count * WIDTH, WIDTH):
            store(w, out + j, multiply(load(w, a + j), factor))
        out += out_stride
        a += a_stride


@compiled
def _add_hadamard(w, out, out_stride, a, a_stride, b, b_stride, strips, count):
    """Add A_ij B_ij; with a stride of zero B is a vector, the same for all rows."""
    for _ in range(strips * WIDTH):
        for j in range(0, count * WIDTH, WIDTH):
            store(w, out + j, fma(load(w, a + j), load(w, b + j), load(w, out + j)))
        out += out_stride
        a += a_stride
        b += b_stride


@compiled
def _add_scaled_rows(w, out, out_stride, a, a_stride, x, strips, count):
    """Add A_ij x_i."""
    for i in range(strips * WIDTH):
        factor = _repeated(w, x + i)
        for j in range(0, count * WIDTH, WIDTH):
            store(w, out + j, fma(load(w, a + j), factor, load(w, out + j)))
        out += out_stride
        a += a_stride


@compiled
def _add_outer(w, out, out_stride, x, y, strips, count):
    """Add x_i y_j."""
    for i in range(strips * WIDTH):
        factor = _repeated(w, x + i)
        for j in range(0, count * WIDTH, WIDTH):
            store(w, out + j, fma(load(w, y + j), factor, load(w, out + j)))
        out += out_stride


@compiled
def _add(w, out, out_stride, a, a_stride, strips, count):
    """Add A_ij."""
    for _ in range(strips * WIDTH):
        for j in range(0, count * WIDTH, WIDTH):
            store(w, out + j, add(load(w, a + j), load(w, out + j)))
        out += out_stride
        a += a_stride


@compiled
def _add_diagonal(w, out, stride, x, strips_before, strips, count):
    """Add x_i to the diagonal, which the rows of the block cross so many strips after its columns."""
    for strip in range(strips):
        vector = strips_before + strip
        if 0 <= vector < count:
            for i in range(WIDTH):
                w[out + (strip * WIDTH + i) * stride + vector * WIDTH + i] += w[x + strip * WIDTH + i]


@compiled
def _zeros_of_matrix(w, out, stride, strips, count):
    for _ in range(strips * WIDTH):
        for j in range(0, count * WIDTH, WIDTH):
            store(w, out + j, broadcast(0.0))
        out += stride


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
    left, right = _zeros(), _zeros()
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
    block = _zeros()
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
    for group in range(0, groups * columns, columns):
        totals = _zeros()
        for j in range(0, table[group + LENGTH] * WIDTH, WIDTH):
            totals = add_pair_products(totals, w, table, group + PAIRS, j)
        store(w, table[group + DOTS], sums(totals))
    for k in range(len(times)):
        w[times[k, PRODUCT_RESULT]] = w[times[k, FIRST_FACTOR]] * w[times[k, SECOND_FACTOR]]
    for graph in range(len(outputs)):
        result[graph] = w[outputs[graph]]
