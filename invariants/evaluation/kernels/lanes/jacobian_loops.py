"""The compiled loop over the derivatives of each graph: the values of eight matrices, then derivatives, written out."""

from .....simd import transpose
from .....simd.compiled import compiled
from .gradient_loops import perform_or_add
from .loops import perform, read, scalars
from .table import INPUT, LEFT, OPERATION, RESULT, WIDTH, WRITE


@compiled
def run(code, back, dots, times, w, base, matrices, results):
    """Fill results (n, derivatives, entries of a matrix)."""
    n, colours, rows, columns = matrices.shape
    entries, values = matrices.reshape(matrices.size), results.reshape(results.size)
    size, count = colours * rows * columns, rows * columns
    stride = results.shape[1] * count
    for start in range(0, n, WIDTH):
        lanes = min(WIDTH, n - start)
        for step in range(len(code)):
            if code[step, OPERATION] == INPUT:
                first = start * size + code[step, LEFT] * count
                read(w, code[step, RESULT], entries, first, size, count, lanes)
            else:
                perform(code, step, base)
        scalars(dots, times, base)
        for step in range(len(back)):
            if back[step, OPERATION] == WRITE:
                _write(w, back[step, LEFT], values, start * stride + back[step, RESULT] * count, stride, count, lanes)
            else:
                perform_or_add(back, step, base)


@compiled
def _write(w, place, values, first, stride, count, lanes):
    """Write a derivative of each of the matrices to where it belongs."""
    whole = count - count % WIDTH if lanes == WIDTH else 0
    for e in range(0, whole, WIDTH):
        transpose(w, place + e * WIDTH, WIDTH, values, first + e, stride)
    for lane in range(lanes):
        for e in range(whole, count):
            values[first + lane * stride + e] = w[place + e * WIDTH + lane]
