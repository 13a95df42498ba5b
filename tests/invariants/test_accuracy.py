"""Accuracy of evaluate: exact where the numbers allow it, else within the rounding that its sums must have.

An invariant is a sum over nodes of products over arcs. However the sums are ordered and nested, a term passes through
at most nodes (N - 1) additions and degree - 1 multiplications, each with a relative error of at most u = 2^-53. So the
error is at most k u / (1 - k u) times the sum of absolute values, k = nodes (N - 1) + degree - 1. Rounding errors are
of either sign, and what is met is less: the second bound of a test is what was measured, which is stated, with a margin
of 3 to 6.
"""

import os
import subprocess
import sys
import tracemalloc
from fractions import Fraction

import numpy as np
import pytest

from pigmm.invariants import RECTANGULAR, Multigraph, evaluate, multigraphs

UNIT = Fraction(1, 2**53)


def exact_values(matrix, graphs):
    """Invariants of an array of Python integers, each component by einsum: another order than that of plans."""
    components = {part for graph in graphs for part in graph.components}
    value = {}
    for part in components:
        operands = [item for arc in part.arcs for item in (matrix, list(arc))]
        value[part] = int(np.einsum(*operands, [], optimize=part.degree > 1))
    return [int(np.prod([value[part] for part in graph.components], dtype=object)) for graph in graphs]


def integers(matrix):
    """Python integers, and what they are divided by to be the floats of a matrix."""
    denominator = max(x.as_integer_ratio()[1] for x in matrix.ravel().tolist())
    entries = [[x.as_integer_ratio() for x in row] for row in matrix.tolist()]
    return np.array([[n * (denominator // d) for n, d in row] for row in entries], dtype=object), denominator


def roundings(graph, size):
    """How many roundings a term passes through at most."""
    return graph.number_of_nodes * (size - 1) + graph.degree - 1


def proven(graph, size):
    """Bound of the error over the sum of absolute values."""
    total = roundings(graph, size) * UNIT
    return total / (1 - total)


@pytest.mark.parametrize("size", [4, 10, 33])
def test_integers_are_exact(size, all_graphs):
    """All partial sums are integers of absolute value below 2^53, so that nothing is rounded."""
    matrix = np.random.default_rng(size).integers(-3, 4, size=(size, size))
    assert max(exact_values(np.abs(matrix).astype(object), all_graphs)) < 2**53
    assert evaluate(matrix, all_graphs).tolist() == exact_values(matrix.astype(object), all_graphs)


def test_integers_are_exact_for_large_and_for_rectangular_matrices(all_graphs):
    rng = np.random.default_rng(7)
    matrix = rng.integers(-1, 2, size=(90, 90))  # beyond what the interpreter takes
    graphs = [graph for graph in all_graphs if graph.number_of_nodes <= 6]
    assert max(exact_values(np.abs(matrix).astype(object), graphs)) < 2**53
    assert evaluate(matrix, graphs).tolist() == exact_values(matrix.astype(object), graphs)
    graphs = [graph for degree in (1, 2, 3, 4) for graph in multigraphs(degree, RECTANGULAR)]
    matrix = rng.integers(-3, 4, size=(12, 9))
    assert evaluate(matrix, graphs).tolist() == exact_values(matrix.astype(object), graphs)


@pytest.mark.parametrize("size", [4, 10, 17])
def test_against_exact_rational_arithmetic(size, all_graphs):
    """Entries of 53 bits: within the proven bound, and within 6 eps of the sum of absolute values (measured: 1.6)."""
    matrix = np.random.default_rng(size).normal(size=(size, size))
    numerators, denominator = integers(matrix)
    exact, scale = (exact_values(n, all_graphs) for n in (numerators, np.abs(numerators)))
    values = evaluate(matrix, all_graphs).tolist()
    for graph, value, true, whole in zip(all_graphs, values, exact, scale, strict=True):
        error = abs(Fraction(value) * denominator**graph.degree - true) / whole
        assert error <= proven(graph, size)
        assert error <= 12 * UNIT


@pytest.mark.parametrize("size", [4, 10, 17])
def test_positive_entries_keep_relative_accuracy(size, all_graphs):
    """Nothing cancels: within 12 eps of the value itself (measured: 3.9 at N = 17)."""
    matrix = np.abs(np.random.default_rng(size).normal(size=(size, size)))
    numerators, denominator = integers(matrix)
    for graph, value, true in zip(
        all_graphs, evaluate(matrix, all_graphs).tolist(), exact_values(numerators, all_graphs), strict=True
    ):
        assert abs(Fraction(value) * denominator**graph.degree - true) <= 24 * UNIT * true


def test_entries_of_very_different_size(all_graphs):
    """Columns and rows from 10^-12 to 10^12: the bound is of the sum of absolute values all the same."""
    scales = 10.0 ** np.linspace(-6, 6, 8)
    matrix = np.random.default_rng(9).normal(size=(8, 8)) * np.multiply.outer(scales, scales[::-1])
    numerators, denominator = integers(matrix)
    exact, scale = (exact_values(n, all_graphs) for n in (numerators, np.abs(numerators)))
    for graph, value, true, whole in zip(all_graphs, evaluate(matrix, all_graphs).tolist(), exact, scale, strict=True):
        assert abs(Fraction(value) * denominator**graph.degree - true) <= proven(graph, 8) * whole


# A graph, and its exact value from M, M M and M^T M (arrays of Python integers).
FORMULAS = (
    ("sum of all", [(0, 1)], lambda m, mm, tm: m.sum()),
    ("trace", [(0, 0)], lambda m, mm, tm: np.trace(m)),
    ("M_ij M_ji", [(0, 1), (1, 0)], lambda m, mm, tm: np.trace(mm)),
    ("M_ij M_jk", [(0, 1), (1, 2)], lambda m, mm, tm: mm.sum()),
    ("tr M^3", [(0, 1), (1, 2), (2, 0)], lambda m, mm, tm: (mm * m.T).sum()),
    ("M_ij M_jk M_kl", [(0, 1), (1, 2), (2, 3)], lambda m, mm, tm: m.sum(0).dot(mm.sum(1))),
    ("M_ij^2 M_jk", [(0, 1), (0, 1), (1, 2)], lambda m, mm, tm: (m * m).sum(0).dot(m.sum(1))),
    ("M_ij M_ik M_il", [(0, 1), (0, 2), (0, 3)], lambda m, mm, tm: (m.sum(1) ** 3).sum()),
    ("tr M^4", [(0, 1), (1, 2), (2, 3), (3, 0)], lambda m, mm, tm: (mm * mm.T).sum()),
    ("M_ij^3 M_ji", [(0, 1), (0, 1), (0, 1), (1, 0)], lambda m, mm, tm: (m**3 * m.T).sum()),
    ("path of four", [(0, 1), (1, 2), (2, 3), (3, 4)], lambda m, mm, tm: mm.sum(0).dot(mm.sum(1))),
    ("M_ij M_ik M_jk M_kj", [(0, 1), (0, 2), (1, 2), (2, 1)], lambda m, mm, tm: (tm * m * m.T).sum()),
    ("tr M^3 M_ii", [(0, 1), (1, 2), (2, 0), (0, 0)], lambda m, mm, tm: ((mm * m.T).sum(1) * np.diag(m)).sum()),
    ("sum of all to the fourth", [(0, 1), (2, 3), (4, 5), (6, 7)], lambda m, mm, tm: m.sum() ** 4),
    ("tr M^3 times sum", [(0, 1), (1, 2), (2, 0), (3, 4)], lambda m, mm, tm: (mm * m.T).sum() * m.sum()),
)


def exact_product(a, b):
    """Product of matrices (int64) of integers below 2^48, by BLAS on their parts of 16 bits: sums stay below 2^53."""

    def parts(matrix):  # the highest has the sign
        return [(matrix >> shift & 0xFFFF if shift < 32 else matrix >> shift).astype(float) for shift in (0, 16, 32)]

    exact = np.zeros((len(a), b.shape[1]), dtype=object)
    for i, left in enumerate(parts(a)):
        for j, right in enumerate(parts(b)):
            exact += (left @ right).astype(np.int64).astype(object) << 16 * (i + j)
    return exact


@pytest.fixture(scope="module")
def large_errors():
    """(name, graph, error, absolute value, sum of absolute values), exact, of Gaussian entries at N = 640."""
    numbers = np.round(np.random.default_rng(640).normal(size=(640, 640)) * 2**45).astype(np.int64)
    matrix = numbers / 2**45
    products = exact_product(numbers, numbers), exact_product(numbers.T, numbers)
    numbers = numbers.astype(object)
    graphs = [Multigraph(arcs) for _, arcs, _ in FORMULAS]
    values, scale = evaluate(matrix, graphs).tolist(), evaluate(np.abs(matrix), graphs).tolist()
    found = []
    for (name, _, formula), graph, value, whole in zip(FORMULAS, graphs, values, scale, strict=True):
        true = Fraction(int(formula(numbers, *products)), 2 ** (45 * graph.degree))
        found.append((name, graph, abs(Fraction(value) - true), abs(true), Fraction(whole)))
    return found


def test_large_matrices_that_cancel(large_errors):
    """Sums of 10^5 to 10^11 products, against the sum of absolute values: u / 8 (measured: u / 47)."""
    for name, graph, error, _, whole in large_errors:
        assert error <= proven(graph, 640) * whole, name
        assert error <= UNIT / 8 * whole, name


def test_digits_of_large_matrices_that_cancel(large_errors):
    """Relative to the value 10^-14 (measured: 1.6 10^-15, of tr M^4).

    The sums of absolute values are 10 to 10^10 times larger, but rounding errors add up like the terms, as a random
    walk, so that about as many digits remain as without cancellation.
    """
    assert max(whole / true for _, _, _, true, whole in large_errors) > 10**10
    for name, _, error, true, _ in large_errors:
        assert error <= 1e-14 * true, name


@pytest.mark.parametrize("size", [6, 10, 64, 90])
@pytest.mark.parametrize("dtype", [np.float32, np.float16, ">f8", "<i2"])
def test_other_dtypes_are_those_of_float64(size, dtype, all_graphs):
    """Converted first and computed in float64: a float32 matrix has the values of its float64 copy, to the bit."""
    matrices = (8 * np.random.default_rng(1).normal(size=(3, size, size))).astype(dtype)
    np.testing.assert_array_equal(evaluate(matrices, all_graphs), evaluate(matrices.astype(np.float64), all_graphs))


@pytest.mark.parametrize("size", [3, 10, 33, 64, 260])
def test_no_bit_depends_on_the_batch(size, all_graphs):
    """Batches of 1 to 17 from any place: eight matrices are side by side in a vector, and the last are fewer."""
    matrices = np.random.default_rng(size).normal(size=(40, size, size))
    whole = evaluate(matrices, all_graphs)
    for count in range(1, 18):
        start = (5 * count) % 23
        part = evaluate(matrices[start : start + count], all_graphs)
        np.testing.assert_array_equal(part, whole[start : start + count])
    np.testing.assert_array_equal(evaluate(matrices[::-1], all_graphs), whole[::-1])
    np.testing.assert_array_equal(evaluate(np.asfortranarray(matrices), all_graphs), whole)


IN_A_PROCESS = """
import hashlib, os, sys
cores = int(sys.argv[1])
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
import numpy as np
from pigmm.invariants import evaluate, multigraphs
graphs = [graph for degree in (1, 2, 3, 4) for graph in multigraphs(degree)]
rng = np.random.default_rng(0)
for count, size in ((3001, 5), (1500, 10), (70, 64), (3, 200), (1, 300), (3, 300)):
    values = evaluate(rng.normal(size=(count, size, size)), graphs)
    print(hashlib.sha256(values.tobytes()).hexdigest())
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processors cannot be taken away on this system")
def test_no_bit_depends_on_the_number_of_threads():
    """One processor, or all: many small matrices, or the parts of one large one."""
    runs = [
        subprocess.Popen([sys.executable, "-c", IN_A_PROCESS, cores], stdout=subprocess.PIPE, text=True)
        for cores in ("1", "64")
    ]
    one, all_of_them = [run.communicate()[0].split() for run in runs]
    assert len(one) == 6
    assert one == all_of_them


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_large_matrix_needs_the_memory_of_twelve(dtype, all_graphs):
    """All 361 invariants of one 640 x 640 matrix: at most twelve of its size in float64 besides itself."""
    size = 640
    matrix = np.random.default_rng(0).normal(size=(size, size)).astype(dtype)
    evaluate(matrix, all_graphs)  # what is compiled and planned once
    tracemalloc.start()
    try:
        evaluate(matrix, all_graphs)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= 12 * size * size * 8


def test_memory_order_does_not_show_for_graphs_of_large_treewidth():
    """K4 is evaluated by numpy: its bits must not depend on how the matrices lie in memory."""
    complete = Multigraph([(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)])
    matrices = np.random.default_rng(1).normal(size=(7, 11, 11))
    expected = evaluate(matrices, [complete])
    for same in (np.asfortranarray(matrices), matrices.transpose(1, 2, 0).copy().transpose(2, 0, 1)):
        np.testing.assert_array_equal(evaluate(same, [complete]), expected)
