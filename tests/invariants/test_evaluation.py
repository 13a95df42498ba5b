"""evaluate: against the definition, exactly invariant, for every dtype and shape."""

import os
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from fractions import Fraction
from itertools import product
from multiprocessing import get_context

import numpy as np
import pytest

from pigmm.invariants import (
    RECTANGULAR,
    SYMMETRIC,
    SYMMETRIC_ZERO_DIAGONAL,
    TWO_SQUARE,
    Multigraph,
    evaluate,
    multigraphs,
)
from pigmm.invariants.evaluation.kernels.arrays import run_on_arrays
from pigmm.invariants.evaluation.kernels.lanes.program import assemble_lanes, run_lanes
from pigmm.invariants.evaluation.kernels.plan import operation_counts, plan
from pigmm.invariants.evaluation.kernels.strips.program import assemble_strips, run_strips, run_strips_in_parts
from pigmm.invariants.reference import evaluate_slowly
from pigmm.invariants.testing import assert_permutation_invariant


@pytest.mark.parametrize("size", [2, 3, 4])
def test_against_the_definition_in_exact_arithmetic(size, all_graphs):
    matrix = np.random.default_rng(size).integers(-3, 4, size=(size, size))
    exact = [[Fraction(int(x)) for x in row] for row in matrix]
    expected = [float(evaluate_slowly(exact, graph)) for graph in all_graphs if size**graph.number_of_nodes <= 5000]
    graphs = [graph for graph in all_graphs if size**graph.number_of_nodes <= 5000]
    assert len(graphs) > 200
    # integers this small are exact in float64, in whatever order they are added
    np.testing.assert_array_equal(evaluate(matrix, graphs), expected)


@pytest.mark.parametrize("size", [4, 5, 8, 10, 17, 24, 25, 40, 64, 130])
def test_the_kernels_and_the_array_version_agree(size, all_graphs):
    matrices = np.random.default_rng(size).normal(size=(11, 1, size, size))
    expected = run_on_arrays(plan(all_graphs), matrices)
    # sums that cancel are compared with the size of what is summed
    scale = run_on_arrays(plan(all_graphs), np.abs(matrices))
    lanes, strips = np.empty_like(expected), np.empty_like(expected)
    run_lanes(assemble_lanes(plan(all_graphs), (size,)), matrices, lanes)
    run_strips(assemble_strips(plan(all_graphs), (size,)), matrices, strips)
    for found in (lanes, strips, evaluate(matrices[:, 0], all_graphs)):
        assert (np.abs(found - expected) <= 1e-14 * size * scale).all()


def test_large_matrices_give_the_same_bits_in_parts_and_whole(all_graphs):
    matrices = np.random.default_rng(0).normal(size=(2, 1, 261, 261))
    program = assemble_strips(plan(all_graphs), (261,))
    assert program.parts > 1
    whole, in_parts = np.empty((2, 361)), np.empty((2, 361))
    run_strips(program, matrices, whole)
    with ThreadPoolExecutor(3) as pool:
        run_strips_in_parts(program, matrices, in_parts, pool)
    np.testing.assert_array_equal(in_parts, whole)
    np.testing.assert_array_equal(evaluate(matrices[0, 0], all_graphs), whole[0])
    expected = run_on_arrays(plan(all_graphs), matrices)
    assert (np.abs(whole - expected) <= 1e-13 * run_on_arrays(plan(all_graphs), np.abs(matrices))).all()


@pytest.mark.parametrize(("degree", "family"), [(5, None), (3, TWO_SQUARE), (5, RECTANGULAR), (5, SYMMETRIC)])
@pytest.mark.parametrize("shape", [(9, 12), (41, 30)])
def test_the_kernels_of_other_degrees_and_kinds(degree, family, shape):
    graphs = multigraphs(degree) if family is None else multigraphs(degree, family)
    rows, columns = shape if family is RECTANGULAR else shape[:1] * 2
    rng = np.random.default_rng(degree)
    matrices = rng.normal(size=(3, 2 if family is TWO_SQUARE else 1, rows, columns))
    if family is SYMMETRIC:
        matrices = matrices + matrices.swapaxes(-1, -2)
    sizes = (rows, columns) if family is RECTANGULAR else (rows,)
    expected = run_on_arrays(plan(graphs), matrices)
    scale = run_on_arrays(plan(graphs), np.abs(matrices))
    lanes, strips = np.empty_like(expected), np.empty_like(expected)
    run_lanes(assemble_lanes(plan(graphs), sizes), matrices, lanes)
    run_strips(assemble_strips(plan(graphs), sizes), matrices, strips)
    for found in (lanes, strips):
        assert (np.abs(found - expected) <= 1e-13 * max(shape) * scale).all()


def test_a_graph_may_be_asked_for_twice():
    triangle, loop = Multigraph([(0, 1), (1, 2), (2, 0)]), Multigraph([(0, 0)])
    for size in (6, 30):
        matrices = np.random.default_rng(size).normal(size=(9, size, size))
        values = evaluate(matrices, [triangle, loop, triangle])
        np.testing.assert_array_equal(values[:, 0], values[:, 2])
        np.testing.assert_array_equal(values[:, 1], evaluate(matrices, [loop])[:, 0])


def test_results_are_written_where_they_are_wanted(all_graphs):
    matrices = np.random.default_rng(3).normal(size=(20, 6, 6))
    expected = evaluate(matrices, all_graphs)
    unaligned = np.empty(20 * 361 + 1)[1:].reshape(20, 361)
    for out in (np.empty((20, 361)), unaligned, np.empty((361, 20)).T):
        assert evaluate(matrices, all_graphs, out=out) is out
        np.testing.assert_array_equal(out, expected)
    for wrong in (np.empty((20, 360)), np.empty((20, 361), dtype=np.float32), [0.0]):
        with pytest.raises(ValueError, match=r"out must be float64 of shape \(20, 361\)"):
            evaluate(matrices, all_graphs, out=wrong)


@pytest.mark.parametrize("family", [SYMMETRIC, SYMMETRIC_ZERO_DIAGONAL])
def test_symmetric_matrices(family):
    graphs = [graph for degree in (1, 2, 3, 4) for graph in multigraphs(degree, family)]
    matrix = np.random.default_rng(5).integers(-2, 3, size=(3, 3))
    matrix = matrix + matrix.T
    np.testing.assert_array_equal(evaluate(matrix, graphs), [evaluate_slowly(matrix, graph) for graph in graphs])
    with pytest.raises(ValueError, match="symmetric"):
        evaluate(np.arange(9.0).reshape(3, 3), graphs)


def test_two_matrices():
    graphs = [graph for degree in (1, 2, 3) for graph in multigraphs(degree, TWO_SQUARE)]
    pair = np.random.default_rng(6).integers(-2, 3, size=(2, 3, 3))
    np.testing.assert_array_equal(evaluate(pair, graphs), [evaluate_slowly(pair, graph) for graph in graphs])
    with pytest.raises(ValueError, match=r"\(\.\.\., 2, N, N\)"):
        evaluate(pair[0], graphs)


def test_any_leading_shape_and_batch_split(all_graphs):
    matrices = np.random.default_rng(0).normal(size=(7, 5, 100, 6, 6))
    values = evaluate(matrices, all_graphs)
    assert values.shape == (7, 5, 100, 361)
    for index in [(0, 0, 0), (3, 2, 17), (6, 4, 99)]:
        np.testing.assert_array_equal(evaluate(matrices[index], all_graphs), values[index])
    np.testing.assert_array_equal(evaluate(matrices[2], all_graphs), values[2])
    assert evaluate(np.empty((0, 6, 6)), all_graphs).shape == (0, 361)


def test_float32_and_integers_are_computed_in_float64(all_graphs):
    matrices = np.random.default_rng(1).normal(size=(4, 6, 6)).astype(np.float32)
    values = evaluate(matrices, all_graphs)
    assert values.dtype == np.float64
    np.testing.assert_array_equal(values, evaluate(matrices.astype(np.float64), all_graphs))
    assert evaluate(np.ones((4, 4), dtype=int), [Multigraph([(0, 1)])])[0] == 16


def test_invariance_under_permutations(all_graphs):
    assert_permutation_invariant(lambda m: evaluate(m, all_graphs), np.random.default_rng(2).normal(size=(5, 9, 9)))


def test_the_check_of_invariance_finds_what_is_not_invariant():
    with pytest.raises(AssertionError):
        assert_permutation_invariant(lambda m: m[..., 0, 1], np.random.default_rng(2).normal(size=(5, 9, 9)))


def test_rectangular_matrices():
    graphs = [graph for degree in (1, 2, 3, 4) for graph in multigraphs(degree, RECTANGULAR)]
    matrix = np.random.default_rng(3).integers(-2, 3, size=(2, 4))
    np.testing.assert_array_equal(evaluate(matrix, graphs), [evaluate_slowly(matrix, graph) for graph in graphs])


def test_degree_five(all_graphs):
    graphs = multigraphs(5)[::40]
    matrix = np.random.default_rng(4).integers(-2, 3, size=(2, 2))
    np.testing.assert_array_equal(evaluate(matrix, graphs), [evaluate_slowly(matrix, graph) for graph in graphs])


def test_treewidth_three():
    """The complete graph on four nodes, in all its orientations, and one with loops and a double arc."""
    edges = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    flips = product((False, True), repeat=6)
    graphs = {Multigraph([e[::-1] if f else e for e, f in zip(edges, flip, strict=True)]) for flip in flips}
    assert len(graphs) == 4  # the tournaments on four nodes
    graphs = [*graphs, Multigraph([*edges, (0, 0), (2, 1)]), Multigraph([(0, 1)])]
    matrix = np.random.default_rng(7).integers(-2, 3, size=(3, 3))
    np.testing.assert_array_equal(evaluate(matrix, graphs), [evaluate_slowly(matrix, graph) for graph in graphs])


def test_monte_carlo_of_degrees_five_and_six(random_model):
    """20,000 samples: the mean of every tenth graph of degree 5, and of every hundredth of degree 6, as predicted."""
    model = random_model(4, seed=6)
    graphs = multigraphs(5)[::10] + multigraphs(6)[::100]
    values = evaluate(model.sample(20_000, seed=5), graphs)
    z = (values.mean(axis=0) - model.expectation(graphs)) / (values.std(axis=0) / np.sqrt(len(values)))
    assert np.abs(z).max() < 5.5


def test_results_are_shared(all_graphs):
    counts = operation_counts(plan(all_graphs))
    assert counts["input"] == counts["diagonal"] == 1
    assert sum(counts.values()) < 2 * len(all_graphs)


@pytest.mark.parametrize(
    ("matrices", "message"),
    [
        (np.ones((3, 10, 9)), r"square .* got shape \(3, 10, 9\)"),
        (np.ones(4), "rows and columns"),
        (np.full((2, 4, 4), np.nan), "32 NaN or infinite"),
        (np.array([[np.inf, 0], [0, 0]]), r"first at index \(0, 0\)"),
        (np.ones((4, 4), dtype=complex), "real"),
        ([["a", "b"], ["c", "d"]], "real"),
    ],
)
def test_bad_matrices_are_described(matrices, message):
    with pytest.raises(ValueError, match=message):
        evaluate(matrices, [Multigraph([(0, 1)])])


def test_bad_graphs_are_described():
    arc = Multigraph([(0, 1)])
    for graphs in ([], arc, [[(0, 1)]]):
        with pytest.raises(ValueError, match="graphs must be several Multigraphs"):
            evaluate(np.ones((5, 5)), graphs)
    with pytest.raises(ValueError, match="one kind"):
        evaluate(np.ones((5, 5)), [arc, Multigraph([(0, 1)], kinds=[0, 1])])
    with pytest.raises(ValueError, match="one of rectangular matrices"):
        evaluate(np.ones((5, 5)), [arc], family=RECTANGULAR)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, bool, np.float16, np.float32, np.float64])
def test_symmetry_is_checked_in_every_dtype(dtype):
    graphs = multigraphs(2, SYMMETRIC)
    good, bad = np.array([[1, 0], [0, 1]], dtype=dtype), np.array([[1, 1], [0, 1]], dtype=dtype)
    assert evaluate(good, graphs).shape == (7,)
    with pytest.raises(ValueError, match="symmetric"):
        evaluate(bad, graphs)
    if dtype == np.int8:
        with pytest.raises(ValueError, match="symmetric"):
            evaluate(np.array([[1, 100], [-28, 4]], dtype=dtype), graphs)  # 128 apart: 0 after wrapping round


def test_symmetry_is_checked_matrix_by_matrix():
    batch = np.stack([np.full((4, 4), 1e6), np.arange(16.0).reshape(4, 4) / 4]).astype(np.float32)
    with pytest.raises(ValueError, match=r"symmetric, got entries 2\.25 off"):
        evaluate(batch, multigraphs(1, SYMMETRIC))
    nearly = np.array([[1.0, 1.0 + 1e-15], [1.0, 1.0]])
    assert evaluate(nearly, multigraphs(1, SYMMETRIC)).shape == (2,)
    with pytest.raises(ValueError, match="symmetric"):
        evaluate(np.array([[1.0, 1.0 + 1e-9], [1.0, 1.0]]), multigraphs(1, SYMMETRIC))


def test_graphs_of_some_of_several_matrices():
    pair = np.random.default_rng(8).integers(-2, 3, size=(5, 2, 3, 3))
    first_only = multigraphs(2)
    values = evaluate(pair, first_only, family=TWO_SQUARE)
    np.testing.assert_array_equal(values, evaluate(pair[:, 0], first_only))


def test_several_threads_may_evaluate_at_once(all_graphs):
    matrices = {size: np.random.default_rng(size).normal(size=(2100, size, size)) for size in (4, 7)}
    expected = {size: evaluate(batch, all_graphs) for size, batch in matrices.items()}
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda size: (size, evaluate(matrices[size], all_graphs)), [4, 7] * 4))
    for size, values in found:
        np.testing.assert_array_equal(values, expected[size])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_may_evaluate(all_graphs):
    """The parent's threads do not live on in the child: it must not wait for them."""
    matrices = np.random.default_rng(0).normal(size=(3000, 5, 5))
    expected = evaluate(matrices, all_graphs)
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
        found = pool.submit(evaluate, matrices, all_graphs).result(timeout=600)
    np.testing.assert_array_equal(found, expected)


def test_out_may_be_any_memory(all_graphs):
    matrices = np.random.default_rng(3).normal(size=(70, 5, 5))
    expected = evaluate(matrices, all_graphs)
    odd = np.frombuffer(bytearray(expected.nbytes + 8), np.uint8)[1:-7].view(np.float64).reshape(expected.shape)
    np.testing.assert_array_equal(evaluate(matrices, all_graphs, out=odd), expected)
    shared = np.empty(expected.size)
    shared[: matrices.size] = matrices.reshape(-1)
    inside = shared[: matrices.size].reshape(matrices.shape)
    np.testing.assert_array_equal(evaluate(inside, all_graphs, out=shared.reshape(expected.shape)), expected)
    fixed = np.empty(expected.shape)
    fixed.flags.writeable = False
    with pytest.raises(ValueError, match="out must be writeable"):
        evaluate(matrices, all_graphs, out=fixed)


@pytest.mark.parametrize("size", [4, 30, 260])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_an_entry_that_is_not_finite_is_told(size, bad, all_graphs):
    matrices = np.random.default_rng(3).normal(size=(3, size, size))
    matrices[1, size - 1, 2] = bad
    with pytest.raises(ValueError, match=rf"got 1 NaN or infinite entries, the first at index \(1, {size - 1}, 2\)"):
        evaluate(matrices, all_graphs)
    matrices[1, size - 1, 2] = 1e308  # whose sum overflows, as invariants may
    matrices[2] = 1e308
    assert np.isinf(evaluate(matrices, all_graphs)).any()


@pytest.mark.skipif(np.finfo(np.longdouble).max <= np.finfo(np.float64).max, reason="long double is double here")
@pytest.mark.parametrize("size", [4, 30])
def test_entries_beyond_float64_are_not_finite(size):
    with pytest.raises(ValueError, match="must be finite"):
        evaluate(np.full((1, size, size), np.longdouble("1e400")), multigraphs(2))


@pytest.mark.skipif(np.finfo(np.longdouble).max <= np.finfo(np.float64).max, reason="long double is double here")
def test_entries_beyond_float64_are_told_of_graphs_of_treewidth_three_too():
    complete = Multigraph([(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)])
    with pytest.raises(ValueError, match="must be finite"):
        evaluate(np.full((1, 5, 5), np.longdouble("1e400")), [complete])
