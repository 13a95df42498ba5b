"""Plans on arrays of numpy and tensors of torch; contractions of treewidth above 2 in little memory."""

import subprocess
import sys
import tracemalloc
from itertools import product

import numpy as np
import pytest
import torch

from pigmm.invariants import (
    RECTANGULAR,
    SYMMETRIC,
    TWO_SQUARE,
    Multigraph,
    evaluate,
    multigraphs,
)
from pigmm.invariants.evaluation.kernels.arrays import evaluate_tensor, run_on_arrays, side_by_side
from pigmm.invariants.evaluation.kernels.plan import plan
from pigmm.invariants.reference import evaluate_slowly

EDGES = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
K4 = Multigraph(EDGES)
K5 = Multigraph([*EDGES, (0, 4), (4, 1), (2, 4), (4, 3)])


def normal(*shape):
    return np.random.default_rng(len(shape)).normal(size=shape)


@pytest.mark.parametrize("size", [1, 2, 6, 70])
def test_tensors_and_arrays_agree(size, all_graphs):
    graphs = (*all_graphs, K4)
    matrices = normal(3, 1, size, size)
    expected = run_on_arrays(plan(graphs), matrices)
    scale = run_on_arrays(plan(graphs), np.abs(matrices))
    found = run_on_arrays(plan(graphs), torch.tensor(matrices))
    assert (np.abs(found.numpy() - expected) <= 1e-14 * size * scale).all()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_the_dtype_and_the_shape_of_a_tensor_are_kept(dtype, all_graphs):
    matrices = torch.tensor(np.random.default_rng(0).uniform(0.5, 1.5, size=(2, 3, 4, 4)), dtype=dtype)
    found = evaluate_tensor(matrices, all_graphs)
    assert found.shape == (2, 3, 361)
    assert found.dtype == dtype
    expected = evaluate(matrices.double().numpy(), all_graphs)
    np.testing.assert_allclose(found.double().numpy(), expected, rtol=30 * torch.finfo(dtype).eps)
    assert evaluate_tensor(torch.empty(0, 4, 4), all_graphs).shape == (0, 361)


def test_nothing_leaves_the_device_of_a_tensor(all_graphs):
    """A tensor of the device "meta" has no entries, so that mixing it with any of another device is an error."""
    matrices = torch.empty(5, 1, 4, 4, device="meta", requires_grad=True)
    values = run_on_arrays(plan((*all_graphs, K4)), matrices)
    assert values.device.type == "meta"
    assert values.shape == (5, 362)
    values.sum().backward()
    assert matrices.grad.device.type == "meta"


def test_tensors_are_differentiable(all_graphs):
    graphs = (*all_graphs[::9], K4)
    matrices = torch.tensor(normal(2, 3, 3), requires_grad=True)
    before = matrices.detach().clone()
    assert torch.autograd.gradcheck(lambda m: evaluate_tensor(m, graphs), matrices)
    assert torch.equal(matrices, before)


def test_chunks_of_a_tensor(all_graphs):
    matrices = torch.tensor(normal(60, 150, 150)) / 150
    found = evaluate_tensor(matrices, all_graphs[:60])
    assert torch.allclose(found[-3:], evaluate_tensor(matrices[-3:], all_graphs[:60]), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("family", "shape"), [(RECTANGULAR, (2, 3, 5)), (TWO_SQUARE, (2, 2, 4, 4)), (SYMMETRIC, (2, 4, 4))]
)
def test_tensors_of_other_kinds_of_matrices(family, shape):
    graphs = multigraphs(3, family)
    matrices = normal(*shape)
    matrices = matrices if family.directed else matrices + matrices.swapaxes(-1, -2)
    found = evaluate_tensor(torch.tensor(matrices), graphs, family=family)
    np.testing.assert_allclose(found.numpy(), evaluate(matrices, graphs, family=family), rtol=1e-10, atol=1e-10)


def test_torch_is_imported_for_tensors_alone():
    code = (
        "import sys, numpy; from pigmm.invariants import Multigraph; "
        "from pigmm.invariants.evaluation.gradients import evaluate_gradient; "
        "from pigmm.invariants.evaluation.kernels.arrays import run_on_arrays; "
        "from pigmm.invariants.evaluation.kernels.plan import plan; "
        "graph = Multigraph([(0, 1)]); run_on_arrays(plan((graph,)), numpy.ones((1, 4, 4))); "
        "evaluate_gradient(numpy.ones((4, 4)), [graph]); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_matrices_side_by_side(all_graphs):
    graphs = (*all_graphs, K4)
    matrices = normal(50, 1, 7, 7)
    rearranged = np.moveaxis(np.ascontiguousarray(np.moveaxis(matrices, 0, -1)), -1, 0)
    assert side_by_side(rearranged[:, 0])
    assert not side_by_side(matrices[:, 0])
    before = rearranged.copy()
    found = run_on_arrays(plan(graphs), rearranged)
    np.testing.assert_array_equal(rearranged, before)
    scale = run_on_arrays(plan(graphs), np.abs(matrices))
    assert (np.abs(found - run_on_arrays(plan(graphs), matrices)) <= 1e-13 * scale).all()


def test_treewidth_three_and_four_exactly():
    """K4 in all orientations, with loops and double arcs; K5; and a graph of two parts."""
    flips = product((False, True), repeat=6)
    graphs = {Multigraph([e[::-1] if f else e for e, f in zip(EDGES, flip, strict=True)]) for flip in flips}
    graphs |= {K5, Multigraph([*EDGES, (0, 0), (3, 3), (2, 1)]), Multigraph([*EDGES, (4, 5)])}
    matrix = np.random.default_rng(1).integers(-2, 3, size=(3, 3)).astype(float)
    for graph in graphs:
        assert plan((graph,)).needs_general_contractions
        expected = evaluate_slowly(matrix, graph)
        assert run_on_arrays(plan((graph,)), matrix[None]) == expected
        assert run_on_arrays(plan((graph,)), torch.tensor(matrix[None])) == expected


def test_treewidth_three_of_other_kinds_exactly():
    rng = np.random.default_rng(2)
    bipartite = Multigraph([(i, 3 + j) for i in range(3) for j in range(3)], kinds=[0, 0, 0, 1, 1, 1])
    matrix = rng.integers(-2, 3, size=(2, 3)).astype(float)
    assert run_on_arrays(plan((bipartite,)), matrix[None]) == evaluate_slowly(matrix, bipartite)
    coloured = Multigraph(EDGES, colours=[0, 1, 1, 0, 0, 1])
    pair = rng.integers(-2, 3, size=(2, 3, 3)).astype(float)
    assert run_on_arrays(plan((coloured,)), pair) == evaluate_slowly(pair, coloured)


def test_treewidth_three_needs_the_memory_of_a_few_matrices():
    size = 80
    matrices = normal(1, size, size)
    run_on_arrays(plan((K4,)), matrices)
    tracemalloc.start()
    value = run_on_arrays(plan((K4,)), matrices)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * 8 * size**2  # a tensor of three indices would be 80 matrices
    (m,) = matrices
    # sum_cd M_cd x^T M x with x_a = M_ac M_ad
    expected = sum(m[c] @ (m @ (m[:, c, None] * m) * (m[:, c, None] * m)).sum(axis=0) for c in range(size))
    np.testing.assert_allclose(value, expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("matrices", "graphs", "message"),
    [
        (torch.ones(3, 10, 9), multigraphs(1), r"square .* got shape \(3, 10, 9\)"),
        (torch.ones(4), multigraphs(1), r"rows and columns, got shape \(4,\)"),
        (torch.ones(4, 0, 0), multigraphs(1), r"rows and columns, got shape \(4, 0, 0\)"),
        (torch.full((2, 4, 4), torch.nan), multigraphs(1), "finite, got 32 NaN"),
        (torch.ones(4, 4, dtype=torch.complex64), multigraphs(1), "real numbers"),
        (torch.ones(4, 4, dtype=torch.int32), multigraphs(1), "floating point in a tensor, got dtype torch.int32"),
        (torch.arange(9.0).reshape(3, 3), multigraphs(1, SYMMETRIC), "symmetric, got entries 4 off their mirrors"),
        (torch.ones(3, 4, 4), multigraphs(1, TWO_SQUARE), r"\(\.\.\., 2, N, N\), got \(3, 4, 4\)"),
        (torch.ones(4, 4), [], "graphs must be several"),
    ],
)
def test_bad_tensors_are_described(matrices, graphs, message):
    with pytest.raises(ValueError, match=message):
        evaluate_tensor(matrices, graphs)
