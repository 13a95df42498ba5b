"""Compiled sweeps: against the arrays that are their twin, at all sizes and kinds; the same bits on any threads."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from pigmm.invariants import (
    RECTANGULAR,
    SQUARE,
    SYMMETRIC,
    SYMMETRIC_ZERO_DIAGONAL,
    TWO_SQUARE,
    Multigraph,
    evaluate,
    evaluate_gradient,
    evaluate_with_gradient,
    multigraphs,
)
from pigmm.invariants.evaluation import gradients
from pigmm.invariants.evaluation.kernels.adjoint import adjoint
from pigmm.invariants.evaluation.kernels.array_gradients import differentiate_arrays
from pigmm.invariants.evaluation.kernels.lanes.gradient import assemble_lane_gradient, run_lane_gradient
from pigmm.invariants.evaluation.kernels.lanes.jacobian import assemble_lane_jacobian, run_lane_jacobian
from pigmm.invariants.evaluation.kernels.plan import plan
from pigmm.invariants.evaluation.kernels.strips.gradient import (
    assemble_strip_gradient,
    run_strip_gradient,
    run_strip_gradient_in_parts,
)

K4 = Multigraph([(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)])


def graphs_of(family):
    degrees = (1, 2, 3) if family == TWO_SQUARE else (1, 2, 3, 4, 5)
    every = {TWO_SQUARE: 7, SQUARE: 5}.get(family, 3)
    graphs = [graph for degree in degrees for graph in multigraphs(degree, family)][::every]
    hard = [graph for graph in graphs if plan((graph,)).needs_general_contractions]
    assert not hard
    return tuple(graphs)


def twin(graphs, batch, weights):
    found = np.empty(batch.shape)
    differentiate_arrays(plan(graphs), batch, np.broadcast_to(weights, (len(batch), len(graphs))), found)
    return found


# lengths that fill vectors, and that do not; strips that are divided into parts, and that are not
@pytest.mark.parametrize(
    ("family", "shape"),
    [
        (SQUARE, (3, 1, 1, 1)),
        (SQUARE, (9, 1, 2, 2)),
        (SQUARE, (17, 1, 8, 8)),
        (SQUARE, (8, 1, 13, 13)),
        (RECTANGULAR, (9, 1, 3, 5)),
        (RECTANGULAR, (9, 1, 11, 2)),
        (TWO_SQUARE, (11, 2, 5, 5)),
        (SYMMETRIC, (5, 1, 6, 6)),
    ],
)
def test_both_kernels_against_arrays(family, shape):
    graphs, rng = graphs_of(family), np.random.default_rng(0)
    batch = rng.normal(size=shape) / np.sqrt(shape[-1])
    sizes = shape[-2:][: len(family.node_kinds)]
    for weights in (rng.normal(size=len(graphs)), rng.normal(size=(len(batch), len(graphs)))):
        expected = twin(graphs, batch, weights)
        each = np.ascontiguousarray(np.broadcast_to(weights, (len(batch), len(graphs))))
        lanes, strips, values = np.empty(shape), np.empty(shape), np.empty(each.shape)
        run_lane_gradient(assemble_lane_gradient(plan(graphs), sizes, shape[1:]), batch, weights, values[:0], lanes)
        run_strip_gradient(assemble_strip_gradient(plan(graphs), sizes, shape[1]), batch, each, values, strips)
        scale = np.abs(expected).max()
        np.testing.assert_allclose(lanes, expected, rtol=0, atol=1e-13 * scale)
        np.testing.assert_allclose(strips, expected, rtol=0, atol=1e-13 * scale)


@pytest.mark.parametrize(("family", "shape"), [(SQUARE, (1, 1, 40, 40)), (RECTANGULAR, (2, 1, 30, 130))])
def test_larger_matrices_against_arrays(family, shape):
    graphs, rng = graphs_of(family), np.random.default_rng(1)
    batch, weights = rng.normal(size=shape) / np.sqrt(shape[-1]), rng.normal(size=len(graphs))
    expected = twin(graphs, batch, weights)
    found = evaluate_gradient(batch[:, 0], graphs, weights=weights)
    np.testing.assert_allclose(found, expected[:, 0], rtol=0, atol=1e-13 * np.abs(expected).max())


def test_parts_on_any_number_of_threads_give_the_same_bits(all_graphs):
    rng, size = np.random.default_rng(2), 270
    batch, weights = rng.normal(size=(2, 1, size, size)), rng.normal(size=(2, 361))
    program = assemble_strip_gradient(plan(all_graphs), (size,), 1)
    assert program.values.parts > 1
    found, values = np.empty(batch.shape), np.empty((2, 361))
    run_strip_gradient(program, batch, weights, values, found)
    for threads in (1, 3):
        again, values_again = np.empty(batch.shape), np.empty((2, 361))
        with ThreadPoolExecutor(threads) as pool:
            run_strip_gradient_in_parts(program, batch, weights, values_again, again, pool)
        np.testing.assert_array_equal(again, found)
        np.testing.assert_array_equal(values_again, values)
    np.testing.assert_array_equal(values, evaluate(batch[:, 0], all_graphs))


@pytest.mark.parametrize("size", [6, 30])
def test_bits_do_not_depend_on_threads_or_neighbours(size, all_graphs, monkeypatch):
    rng = np.random.default_rng(3)
    matrices = rng.normal(size=(2500, 6, 6)) if size == 6 else rng.normal(size=(600, 30, 30))
    weights = rng.normal(size=(len(matrices), 361))
    together = evaluate_gradient(matrices, all_graphs, weights=weights)
    for threads in (1, 3):
        monkeypatch.setattr(gradients, "cores", lambda threads=threads: threads)
        np.testing.assert_array_equal(evaluate_gradient(matrices, all_graphs, weights=weights), together)
    some = [0, 3, 17, -1]
    np.testing.assert_array_equal(evaluate_gradient(matrices[some], all_graphs, weights=weights[some]), together[some])


@pytest.mark.parametrize("size", [5, 30])
def test_values_and_gradient_in_one_pass(size, all_graphs):
    graphs = (*all_graphs[::2], K4, all_graphs[0])
    rng = np.random.default_rng(4)
    matrices = rng.normal(size=(2, 3, size, size)) / np.sqrt(size)
    for weights in (rng.normal(size=len(graphs)), rng.normal(size=(2, 3, len(graphs)))):
        values, gradient = evaluate_with_gradient(matrices, graphs, weights)
        np.testing.assert_array_equal(values, evaluate(matrices, graphs))
        np.testing.assert_array_equal(gradient, evaluate_gradient(matrices, graphs, weights=weights))
    with pytest.raises(ValueError, match=r"weights must be of shape \(183,\) or \(2, 3, 183\), got \(3,\)"):
        evaluate_with_gradient(matrices, graphs, np.ones(3))


@pytest.mark.parametrize(
    ("family", "shape"),
    [(RECTANGULAR, (4, 2, 5)), (TWO_SQUARE, (3, 2, 4, 4)), (SYMMETRIC, (3, 4, 4)), (SYMMETRIC_ZERO_DIAGONAL, (4, 4))],
)
def test_values_and_gradient_of_other_kinds(family, shape):
    torch = pytest.importorskip("torch")
    graphs = multigraphs(3, family)
    rng = np.random.default_rng(5)
    matrices, weights = rng.integers(-2, 3, size=shape).astype(float), rng.integers(-2, 3, size=len(graphs))
    matrices = matrices if family.directed else 2 * (matrices + matrices.swapaxes(-1, -2))
    if family == SYMMETRIC_ZERO_DIAGONAL:
        matrices[..., range(4), range(4)] = 0
    values, gradient = evaluate_with_gradient(matrices, graphs, weights, family=family)
    full = evaluate_gradient(matrices, graphs, family=family)
    np.testing.assert_array_equal(values, evaluate(matrices, graphs, family=family))
    axis = full.ndim - len(shape[-3:] if family == TWO_SQUARE else shape[-2:]) - 1
    np.testing.assert_array_equal(gradient, np.tensordot(full, weights.astype(float), axes=(axis, 0)))
    tensors = evaluate_with_gradient(torch.tensor(matrices), graphs, weights, family=family)
    np.testing.assert_array_equal(tensors[0].numpy(), values)
    np.testing.assert_array_equal(tensors[1].numpy(), gradient)


@pytest.mark.parametrize(
    ("family", "shape"),
    [
        (SQUARE, (9, 1, 1, 1)),
        (SQUARE, (8, 1, 9, 9)),
        (RECTANGULAR, (17, 1, 5, 3)),
        (TWO_SQUARE, (3, 2, 4, 4)),
    ],
)
def test_derivatives_of_each_graph_against_arrays(family, shape):
    graphs = (*graphs_of(family), graphs_of(family)[3])
    batch = np.random.default_rng(7).normal(size=shape)
    expected, found = np.empty((len(batch), len(graphs), *shape[1:])), np.zeros((len(batch), len(graphs), *shape[1:]))
    differentiate_arrays(plan(graphs), batch, None, expected)
    program = assemble_lane_jacobian(graphs, shape[-2:][: len(family.node_kinds)], shape[1])
    run_lane_jacobian(program, batch, found)
    scale = np.abs(expected).max(axis=(0, 2, 3, 4), keepdims=True)
    np.testing.assert_allclose(found / scale, expected / scale, rtol=0, atol=1e-13)


def test_matrices_that_no_graph_reads_have_zeros():
    pair = np.random.default_rng(6).normal(size=(5, 2, 30, 30))
    for matrices in (pair[..., :4, :4], pair):
        found = evaluate_gradient(matrices, multigraphs(2), weights=np.ones(11), family=TWO_SQUARE)
        assert found[:, 0].any()
        np.testing.assert_array_equal(found[:, 1], 0)


def test_the_sweep_makes_four_products_of_the_three():
    """M M has two derivatives; those of M M^T and M^T M are one each, of a symmetric matrix times M."""
    graphs = tuple(graph for degree in (1, 2, 3, 4) for graph in multigraphs(degree))
    found = adjoint(plan(graphs))
    products = [step.operation in ("product", "product_transposed", "transposed_product") for step in found.steps]
    assert (sum(products[: found.forward]), sum(products[found.forward :])) == (3, 4)
