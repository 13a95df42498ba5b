"""Derivatives of invariants: against differences (exact on integers), automatic differentiation, and identities."""

import tracemalloc
from itertools import product

import numpy as np
import pytest
import torch

from pigmm.invariants import (
    RECTANGULAR,
    SQUARE,
    SYMMETRIC,
    SYMMETRIC_ZERO_DIAGONAL,
    TWO_SQUARE,
    Multigraph,
    evaluate,
    multigraphs,
)
from pigmm.invariants.evaluation.gradients import evaluate_gradient
from pigmm.invariants.evaluation.kernels import array_gradients
from pigmm.invariants.evaluation.kernels.arrays import evaluate_tensor

EDGES = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
K4 = Multigraph(EDGES)
K4_DECORATED = [Multigraph([*EDGES[:4], (3, 1), (2, 3)]), Multigraph([*EDGES, (0, 0), (2, 1)])]
# central differences of step 1, exact for polynomials of degree 6: on small integers no rounding at all
STENCIL = {1: 45, 2: -9, 3: 1, -1: -45, -2: 9, -3: -1}


def slope(matrix, direction, graphs, family):
    """d O / dt at matrix + t direction, exactly, for graphs of degree at most 6."""
    steps = np.array([matrix + t * direction for t in STENCIL])
    return np.array(list(STENCIL.values())) @ evaluate(steps, graphs, family=family) / 60


def differences(matrix, graphs, family):
    """(len(graphs), *matrix.shape), each entry changed on its own."""
    found = np.empty((len(graphs), *matrix.shape))
    for index in np.ndindex(matrix.shape):
        direction = np.zeros(matrix.shape)
        direction[index] = 1
        found[:, *index] = slope(matrix, direction, graphs, family)
    return found


def integers(shape, seed):
    return np.random.default_rng(seed).integers(-2, 3, size=shape).astype(float)


@pytest.mark.parametrize("size", [1, 2, 4, 5])
def test_all_graphs_of_degree_four_exactly(size, all_graphs):
    matrix = integers((size, size), size)
    np.testing.assert_array_equal(evaluate_gradient(matrix, all_graphs), differences(matrix, all_graphs, SQUARE))


def test_degrees_five_and_six_exactly():
    graphs = [*multigraphs(5)[::25], *multigraphs(6)[::300], K4, *K4_DECORATED[:1]]
    matrix = integers((3, 3), 1)
    np.testing.assert_array_equal(evaluate_gradient(matrix, graphs), differences(matrix, graphs, SQUARE))


@pytest.mark.parametrize(
    ("family", "degrees", "shape"),
    [(RECTANGULAR, (1, 2, 3, 4, 5), (2, 4)), (RECTANGULAR, (4,), (5, 2)), (TWO_SQUARE, (1, 2, 3), (2, 3, 3))],
)
def test_other_kinds_of_matrices_exactly(family, degrees, shape):
    graphs = [graph for degree in degrees for graph in multigraphs(degree, family)]
    matrix = integers(shape, 2)
    found = evaluate_gradient(matrix, graphs, family=family)
    np.testing.assert_array_equal(found, differences(matrix, graphs, family))


@pytest.mark.parametrize("family", [SYMMETRIC, SYMMETRIC_ZERO_DIAGONAL])
def test_symmetric_matrices_have_symmetric_derivatives(family):
    """dO = sum_ij G_ij dM_ij for each change within the space; a pair of mirrored entries counts twice."""
    zero_diagonal = family == SYMMETRIC_ZERO_DIAGONAL
    graphs = [graph for degree in (1, 2, 3, 4) for graph in multigraphs(degree, family)]
    graphs.append(Multigraph(EDGES, directed=False))
    matrix = integers((4, 4), 3)
    matrix = matrix + matrix.T
    if zero_diagonal:
        np.fill_diagonal(matrix, 0)
    found = evaluate_gradient(matrix, graphs, family=family)
    np.testing.assert_array_equal(found, found.swapaxes(-1, -2))
    for i, j in product(range(4), repeat=2):
        if i == j and zero_diagonal:
            np.testing.assert_array_equal(found[:, i, i], 0)
            continue
        direction = np.zeros((4, 4))
        direction[i, j] = direction[j, i] = 1
        np.testing.assert_array_equal((found * direction).sum(axis=(-2, -1)), slope(matrix, direction, graphs, family))


def test_matrices_of_zero_diagonal_only():
    """Graphs with loops and matrices with diagonals are refused, whoever evaluates."""
    edge, loop = Multigraph([(0, 1)], directed=False), Multigraph([(0, 0)], directed=False)
    for function in (evaluate, evaluate_gradient, evaluate_tensor):
        for array in (np.eye(4), torch.eye(4)):
            with pytest.raises(ValueError, match="matrices must have a zero diagonal"):
                function(array, [edge], family=SYMMETRIC_ZERO_DIAGONAL)
            with pytest.raises(ValueError, match="graph must be one of symmetric-zero-diagonal matrices"):
                function(0 * array, [edge, loop], family=SYMMETRIC_ZERO_DIAGONAL)
            function(array, [edge, loop], family=SYMMETRIC)


def test_entries_beyond_float64_are_not_finite():
    matrices = np.ones((3, 4, 4), dtype=np.longdouble)
    matrices[2, 1, 0] = np.longdouble(np.finfo(np.float64).max) * 4
    with pytest.raises(ValueError, match=r"finite, got 1 .* first at index \(2, 1, 0\)"):
        evaluate_gradient(matrices, [Multigraph([(0, 1)])])


def test_small_cases_by_hand():
    matrix = np.random.default_rng(4).normal(size=(6, 6))
    trace, cube, total = Multigraph([(0, 0)]), Multigraph([(0, 1), (1, 2), (2, 0)]), Multigraph([(0, 1)])
    found = evaluate_gradient(matrix, [trace, cube, total, Multigraph([(0, 0), (1, 2)])])
    ones, size = np.ones((6, 6)), np.eye(6)
    expected = [size, 3 * (matrix @ matrix).T, ones, np.trace(matrix) * ones + matrix.sum() * size]
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(
    ("count", "size", "every"),
    [(1, 7, 1), (30, 7, 4), (2, 50, 4)],
    ids=["one", "several chunks", "large enough for BLAS"],
)
def test_against_torch(count, size, every, all_graphs, monkeypatch):
    monkeypatch.setattr(array_gradients, "_ENTRIES", 500)
    graphs = (*all_graphs[::every], K4, *K4_DECORATED)
    rng = np.random.default_rng(size)
    matrices, weights = rng.normal(size=(count, size, size)) / np.sqrt(size), rng.normal(size=len(graphs))
    tensor = torch.tensor(matrices, requires_grad=True)
    (evaluate_tensor(tensor, graphs) @ torch.tensor(weights)).sum().backward()
    found = evaluate_gradient(matrices, graphs, weights=weights)
    scale = np.abs(found).max()
    np.testing.assert_allclose(found, tensor.grad.numpy(), rtol=0, atol=1e-13 * scale)


@pytest.mark.parametrize("size", [6, 50])
def test_weights_contract_the_full_gradient(size, all_graphs):
    graphs = (*all_graphs, all_graphs[7])  # one of them twice
    rng = np.random.default_rng(5)
    matrices = rng.normal(size=(2, 3, size, size)) / np.sqrt(size)
    full = evaluate_gradient(matrices, graphs)
    assert full.shape == (2, 3, 362, size, size)
    for weights in (rng.normal(size=362), rng.normal(size=(2, 3, 362))):
        found = evaluate_gradient(matrices, graphs, weights=weights)
        expected = np.einsum("...gij,...g->...ij", full, np.broadcast_to(weights, (2, 3, 362)))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13 * np.abs(expected).max())
    one = np.zeros(362)
    one[100] = 1
    found = evaluate_gradient(matrices, graphs, weights=one)
    np.testing.assert_allclose(found, full[..., 100, :, :], rtol=0, atol=1e-14 * np.abs(found).max())


def test_homogeneity(all_graphs):
    """sum_ij M_ij dO/dM_ij = degree * O (Euler)."""
    graphs = (*all_graphs, *multigraphs(5)[::30], K4, *K4_DECORATED)
    matrices = np.random.default_rng(6).uniform(0.5, 1.5, size=(20, 8, 8))  # positive: nothing cancels
    found = np.einsum("nij,ngij->ng", matrices, evaluate_gradient(matrices, graphs))
    expected = evaluate(matrices, graphs) * [graph.degree for graph in graphs]
    np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_equivariance(all_graphs):
    graphs = (*all_graphs, K4)
    rng = np.random.default_rng(7)
    matrices, sigma = rng.normal(size=(4, 9, 9)), rng.permutation(9)
    moved = evaluate_gradient(matrices[:, sigma][:, :, sigma], graphs)
    expected = evaluate_gradient(matrices, graphs)[..., sigma, :][..., :, sigma]
    np.testing.assert_allclose(moved, expected, rtol=0, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_tensors_give_tensors(dtype, all_graphs):
    graphs = (*all_graphs, K4)
    rng = np.random.default_rng(8)
    matrices = torch.tensor(rng.normal(size=(3, 6, 6)), dtype=dtype)
    weights = torch.tensor(rng.normal(size=(3, 362)), dtype=dtype)
    before = weights.clone()
    full, contracted = (evaluate_gradient(matrices, graphs, weights=w) for w in (None, weights))
    assert full.dtype == contracted.dtype == dtype
    assert torch.equal(weights, before)
    expected = evaluate_gradient(matrices.numpy(), graphs)
    tolerance = 1000 * torch.finfo(dtype).eps * np.abs(expected).max()
    np.testing.assert_allclose(full.numpy(), expected, rtol=0, atol=tolerance)
    expected = evaluate_gradient(matrices.numpy(), graphs, weights=weights.numpy())
    np.testing.assert_allclose(contracted.numpy(), expected, rtol=0, atol=1000 * torch.finfo(dtype).eps * 1e4)
    one = evaluate_gradient(matrices, graphs, weights=np.ones(362))
    np.testing.assert_allclose(one.numpy(), full.sum(dim=1).numpy(), rtol=0, atol=tolerance * 100)


@pytest.mark.parametrize(
    ("family", "shape"),
    [(RECTANGULAR, (4, 2, 5)), (TWO_SQUARE, (3, 2, 4, 4)), (SYMMETRIC, (3, 4, 4)), (SYMMETRIC_ZERO_DIAGONAL, (4, 4))],
)
def test_tensors_of_other_kinds(family, shape):
    graphs = multigraphs(3, family)
    matrices = integers(shape, 14)
    matrices = matrices if family.directed else matrices + matrices.swapaxes(-1, -2)
    if family == SYMMETRIC_ZERO_DIAGONAL:
        matrices[..., range(4), range(4)] = 0
    found = evaluate_gradient(torch.tensor(matrices), graphs, family=family)
    np.testing.assert_array_equal(found.numpy(), evaluate_gradient(matrices, graphs, family=family))


def test_second_derivatives_by_torch():
    graphs = [*multigraphs(3)[::6], K4]
    matrices = torch.tensor(np.random.default_rng(9).normal(size=(2, 3, 3)), requires_grad=True)
    weights = torch.tensor(np.random.default_rng(10).normal(size=len(graphs)), requires_grad=True)
    assert torch.autograd.gradcheck(lambda m: evaluate_gradient(m, graphs), matrices)
    assert torch.autograd.gradcheck(lambda m, w: evaluate_gradient(m, graphs, weights=w), (matrices, weights))


def test_shapes_and_dtypes():
    graphs = multigraphs(2)
    assert evaluate_gradient(np.empty((0, 3, 3)), graphs).shape == (0, 11, 3, 3)
    assert evaluate_gradient(np.empty((0, 3, 3)), graphs, weights=np.ones(11)).shape == (0, 3, 3)
    matrices = integers((4, 5, 3, 3), 11)
    expected = evaluate_gradient(matrices, graphs)
    for dtype in (np.int8, np.float32):
        found = evaluate_gradient(matrices.astype(dtype), graphs)
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(evaluate_gradient(matrices[1, 2].tolist(), graphs), expected[1, 2])
    assert expected.flags.c_contiguous


def test_what_is_beyond_the_range_of_floats_is_infinite(all_graphs):
    found = evaluate_gradient(np.full((4, 4), 1e200), all_graphs)
    assert np.isinf(found).any()
    np.testing.assert_array_equal(found[:2], evaluate_gradient(np.ones((4, 4)), all_graphs[:2]))  # the linear ones


def test_treewidth_three_needs_the_memory_of_a_few_matrices():
    matrix = np.random.default_rng(15).normal(size=(64, 64))
    evaluate_gradient(matrix, [K4])
    tracemalloc.start()
    evaluate_gradient(matrix, [K4])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 25 * matrix.nbytes  # tensors of three indices would be 64 matrices each


def test_graphs_of_some_of_several_matrices():
    pair = integers((5, 2, 3, 3), 12)
    found = evaluate_gradient(pair, multigraphs(2), family=TWO_SQUARE)
    np.testing.assert_array_equal(found[:, :, 0], evaluate_gradient(pair[:, 0], multigraphs(2)))
    np.testing.assert_array_equal(found[:, :, 1], 0)


@pytest.mark.parametrize("size", [5, 50])
def test_a_matrix_does_not_depend_on_its_neighbours(size, all_graphs, monkeypatch):
    matrices, weights = np.random.default_rng(13).normal(size=(40, size, size)), np.linspace(-1, 1, 361)
    together = evaluate_gradient(matrices, all_graphs, weights=weights)
    monkeypatch.setattr(array_gradients, "_ENTRIES", 7 * size * size)
    in_sevens = evaluate_gradient(matrices, all_graphs, weights=weights)
    np.testing.assert_allclose(in_sevens, together, rtol=0, atol=1e-13 * np.abs(together).max())


@pytest.mark.parametrize(
    ("matrices", "weights", "message"),
    [
        (np.ones((3, 10, 9)), None, r"square .* got shape \(3, 10, 9\)"),
        (np.full((4, 4), np.nan), None, "matrices must be finite"),
        (np.ones((4, 4)), np.ones(3), r"weights must be of shape \(2,\), got \(3,\)"),
        (np.ones((5, 4, 4)), np.ones((4, 2)), r"weights must be of shape \(2,\) or \(5, 2\), got \(4, 2\)"),
        (np.ones((4, 4)), [1, np.inf], "weights must be finite"),
        (np.ones((4, 4)), ["a", "b"], "weights must be real numbers"),
        (np.ones((4, 4)), [1, 1j], "weights must be real numbers"),
        (np.ones((4, 4)), [[1], [1, 2]], "weights must be an array of numbers"),
        (np.ones((4, 4)), torch.ones(2), "got a tensor"),
        (torch.ones(4, 4), torch.ones(2, dtype=torch.complex64), "weights must be real numbers"),
        (torch.ones(4, 4), [1.0], r"weights must be of shape \(2,\), got \(1,\)"),
        (torch.ones(4, 4, dtype=torch.int64), None, "floating point in a tensor, got dtype torch.int64"),
    ],
)
def test_bad_input_is_described(matrices, weights, message):
    with pytest.raises(ValueError, match=message):
        evaluate_gradient(matrices, multigraphs(1), weights=weights)


def test_bad_graphs_are_described():
    with pytest.raises(ValueError, match="graphs must be several Multigraphs"):
        evaluate_gradient(np.ones((5, 5)), [])
    with pytest.raises(ValueError, match="one of rectangular matrices"):
        evaluate_gradient(np.ones((5, 5)), multigraphs(1), family=RECTANGULAR)
    with pytest.raises(ValueError, match="symmetric"):
        evaluate_gradient(np.arange(9.0).reshape(3, 3), multigraphs(2, SYMMETRIC))
