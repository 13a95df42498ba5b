"""The compiled loop over a gradient program of strips: the values of a matrix, then the reverse sweep."""

from .....simd import add, broadcast, fma, load, store
from .....simd.compiled import compiled
from .loops import begin, finish, perform
from .table import (
    COEFFICIENT,
    COMBINATION,
    COMBINATION_VECTORS,
    DERIVATIVE,
    DERIVATIVES,
    FACTORS,
    FIRST_TERM,
    INPUT_PLACE,
    INPUT_STRIDE,
    LAST_TERM,
    VECTOR,
    WIDTH,
)


@compiled
def run(values, sweep, gradients, parts, w, matrices, weights, results, derivatives):
    inputs, vectors, code, dots, times, outputs = values
    back, scalars, seeds, derived, combinations, terms = sweep
    total = 0.0
    for n in range(len(matrices)):
        total += begin(inputs, vectors, w, matrices[n])
        _perform_all(code, w, parts)
        finish(dots, times, outputs, w, results[n])
        turn(scalars, seeds, derived, combinations, terms, w, weights[n])
        _perform_all(back, w, parts)
        write(gradients, w, derivatives[n])
    return total


@compiled
def _perform_all(code, w, parts):
    step = 0
    while step < len(code):
        following = step
        for part in range(parts):
            following = perform(code, step, w, part, parts)
        step = following


@compiled
def turn(scalars, seeds, derived, combinations, terms, w, weights):
    """Between values and sweep: derivatives by all scalars, and the combinations of vectors with them."""
    w[scalars[0] : scalars[1]] = 0.0
    for graph in range(len(seeds)):
        w[seeds[graph]] += weights[graph]
    for k in range(len(derived)):
        derivative = w[derived[k, DERIVATIVE]]
        for factor in range(2):
            w[derived[k, DERIVATIVES + factor]] += derivative * w[derived[k, FACTORS + 1 - factor]]
    for c in range(len(combinations)):
        for j in range(0, combinations[c, COMBINATION_VECTORS] * WIDTH, WIDTH):
            even, odd = broadcast(0.0), broadcast(0.0)
            first, last = combinations[c, FIRST_TERM], combinations[c, LAST_TERM]
            for k in range(first, last - 1, 2):
                even = fma(broadcast(w[terms[k, COEFFICIENT]]), load(w, terms[k, VECTOR] + j), even)
                odd = fma(broadcast(w[terms[k + 1, COEFFICIENT]]), load(w, terms[k + 1, VECTOR] + j), odd)
            if (last - first) % 2:
                even = fma(broadcast(w[terms[last - 1, COEFFICIENT]]), load(w, terms[last - 1, VECTOR] + j), even)
            store(w, combinations[c, COMBINATION] + j, add(even, odd))


@compiled
def write(gradients, w, derivatives):
    """Copy the derivatives out of the strips; zeros for a matrix that no graph reads."""
    colours, rows, columns = derivatives.shape
    for colour in range(colours):
        place, stride = gradients[colour, INPUT_PLACE], gradients[colour, INPUT_STRIDE]
        for i in range(rows):
            if stride:
                derivatives[colour, i] = w[place + i * stride : place + i * stride + columns]
            else:
                derivatives[colour, i] = 0.0
