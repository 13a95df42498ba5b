"""The compiled loop over a gradient program of lanes: the values of eight matrices, then the reverse sweep."""

from .....simd import add, broadcast, fma, load, store
from .....simd.compiled import compiled
from .loops import perform, read, scalars, write
from .table import (
    ADD,
    ADD_DIAGONAL,
    COEFFICIENT,
    COMBINATION,
    COMBINATION_LENGTH,
    DERIVATIVE,
    DERIVATIVES,
    FACTORS,
    FIRST_TERM,
    INPUT,
    LAST_TERM,
    LEFT,
    LEFT_BY_COLUMN,
    LEFT_BY_ROW,
    OPERATION,
    RESULT,
    RESULT_COLUMNS,
    RESULT_ROWS,
    RIGHT,
    RIGHT_BY_COLUMN,
    RIGHT_BY_ROW,
    VECTOR,
    WIDTH,
    ZEROS,
)


@compiled
def run(values, sweep, w, base, matrices, weights, by_matrix, results, gradients):
    """Fill gradients (n, entries), and results (n, graphs) if it has rows."""
    code, dots, times, outputs, buffer = values
    back, seeds, derived, combinations, terms, places = sweep
    weight_place, derivative_place, derivative_end, gradient_place = places
    n, colours, rows, columns = matrices.shape
    entries, numbers = matrices.reshape(matrices.size), weights.reshape(weights.size)
    graphs, size = len(seeds), colours * rows * columns
    flat, flat_results = gradients.reshape(gradients.size), results.reshape(results.size)
    # entries before the first cache line
    before = -gradients.ctypes.data % (8 * WIDTH) // 8
    before_results = -results.ctypes.data % (8 * WIDTH) // 8
    total = broadcast(0.0)
    if not by_matrix:
        read(w, weight_place, numbers, 0, 0, graphs, WIDTH)
    for start in range(0, n, WIDTH):
        lanes = min(WIDTH, n - start)
        for step in range(len(code)):
            if code[step, OPERATION] == INPUT:
                first = start * size + code[step, LEFT] * rows * columns
                total = add(total, read(w, code[step, RESULT], entries, first, size, rows * columns, lanes))
            else:
                perform(code, step, base)
        scalars(dots, times, base)
        if len(results) > 0:
            write(w, outputs, buffer, flat_results, start * graphs, graphs, lanes, before_results)
        if by_matrix:
            read(w, weight_place, numbers, start * graphs, graphs, graphs, lanes)
        w[derivative_place:derivative_end] = 0.0
        _scalar_derivatives(seeds, derived, weight_place, base)
        _combine(combinations, terms, base)
        for step in range(len(back)):
            perform_or_add(back, step, base)
        write(w, gradient_place, buffer, flat, start * size, size, lanes, before)
    store(w, buffer, total)
    return w[buffer : buffer + WIDTH].sum()


@compiled
def _scalar_derivatives(seeds, derived, weights, w):
    """The derivatives by the scalars: the weights of the graphs, and through the products in reverse."""
    for graph in range(len(seeds)):
        place = seeds[graph]
        store(w, place, add(load(w, place), load(w, weights + graph * WIDTH)))
    for k in range(len(derived)):
        derivative = load(w, derived[k, DERIVATIVE])
        for factor in range(2):
            place, other = derived[k, DERIVATIVES + factor], derived[k, FACTORS + 1 - factor]
            store(w, place, fma(derivative, load(w, other), load(w, place)))


@compiled
def _combine(combinations, terms, w):
    """sum_k s_k x_k, four entries at a time."""
    for c in range(len(combinations)):
        out, length = combinations[c, COMBINATION], combinations[c, COMBINATION_LENGTH]
        first, last = combinations[c, FIRST_TERM], combinations[c, LAST_TERM]
        whole = length - length % 4
        for i in range(0, whole * WIDTH, 4 * WIDTH):
            t0, t1, t2, t3 = broadcast(0.0), broadcast(0.0), broadcast(0.0), broadcast(0.0)
            for k in range(first, last):
                s, x = load(w, terms[k, COEFFICIENT]), terms[k, VECTOR] + i
                t0 = fma(s, load(w, x), t0)
                t1 = fma(s, load(w, x + WIDTH), t1)
                t2 = fma(s, load(w, x + 2 * WIDTH), t2)
                t3 = fma(s, load(w, x + 3 * WIDTH), t3)
            store(w, out + i, t0)
            store(w, out + i + WIDTH, t1)
            store(w, out + i + 2 * WIDTH, t2)
            store(w, out + i + 3 * WIDTH, t3)
        for i in range(whole * WIDTH, length * WIDTH, WIDTH):
            total = broadcast(0.0)
            for k in range(first, last):
                total = fma(load(w, terms[k, COEFFICIENT]), load(w, terms[k, VECTOR] + i), total)
            store(w, out + i, total)


@compiled(inline="always")
def perform_or_add(code, step, w):
    operation, out, rows = code[step, OPERATION], code[step, RESULT], code[step, RESULT_ROWS]
    if operation == ADD:
        _add(w, code, step, out, rows, code[step, RESULT_COLUMNS])
    elif operation == ZEROS:
        for i in range(0, rows * code[step, RESULT_COLUMNS] * WIDTH, WIDTH):
            store(w, out + i, broadcast(0.0))
    elif operation == ADD_DIAGONAL:
        for i in range(rows):
            place = out + i * (rows + 1) * WIDTH
            store(w, place, add(load(w, place), load(w, code[step, RIGHT] + i * WIDTH)))
    else:
        perform(code, step, w)


@compiled
def _add(w, code, step, out, rows, columns):
    """Add A_ij B_ij, with the strides of both."""
    left_by_column, right_by_column = code[step, LEFT_BY_COLUMN] * WIDTH, code[step, RIGHT_BY_COLUMN] * WIDTH
    for i in range(rows):
        left = code[step, LEFT] + i * code[step, LEFT_BY_ROW] * WIDTH
        right = code[step, RIGHT] + i * code[step, RIGHT_BY_ROW] * WIDTH
        for _ in range(columns):
            store(w, out, fma(load(w, left), load(w, right), load(w, out)))
            left += left_by_column
            right += right_by_column
            out += WIDTH
