"""One symmetric matrix, several under one permutation, tiny ones and ones of rank one: formulas, sizes, power."""

import numpy as np
import pytest
import scipy.stats

from pigmm.fitting import MultiMatrixSpace, RectangularSpace, SymmetricSpace, analyse_matrix, nested_models


def symmetric(seed, size, diagonal=True):
    noise = np.random.default_rng(seed).normal(size=(size, size))
    return (noise + noise.T) * (1 if diagonal else 1 - np.eye(size))


@pytest.mark.parametrize("diagonal", [True, False])
def test_symmetric_likelihood_ratio_is_that_of_nested_models(diagonal):
    space, matrix = SymmetricSpace(9, diagonal), symmetric(0, 9, diagonal)
    submodel = "independent, diagonal apart" if diagonal else "iid"
    row = nested_models(matrix[None], space=space, given_trivial=True, replicates=1).loc[submodel]
    found = analyse_matrix(matrix, space=space, replicates=0)
    assert found.likelihood_ratio == pytest.approx(row.likelihood_ratio, rel=1e-9)
    assert found.degrees_of_freedom == row.degrees_of_freedom == (2 if diagonal else 1)
    order = np.random.default_rng(1).permutation(9)
    moved = -3 * matrix[np.ix_(order, order)] + 2 * (1 - np.eye(9)) + 5 * np.eye(9) * diagonal
    again = analyse_matrix(moved, space=space, replicates=0)
    assert again.likelihood_ratio == pytest.approx(found.likelihood_ratio, rel=1e-9)


@pytest.mark.parametrize("diagonal", [True, False])
def test_symmetric_sizes(diagonal):
    count, space = 600, SymmetricSpace(8, diagonal)
    tables = [analyse_matrix(symmetric((2, k), 8, diagonal), space=space, replicates=19, seed=k) for k in range(count)]
    for name in ["p_value", "p_row_hubs"] + ["p_diagonal"] * diagonal:
        p = np.array([table[name] for table in tables])
        assert scipy.stats.kstest(p, "uniform").pvalue > 1e-3, name
    counts = np.histogram([table.p_randomisation for table in tables], np.arange(0.5, 21) / 20)[0]
    assert scipy.stats.chisquare(counts).pvalue > 1e-3


def test_symmetric_structure_is_found():
    size, space = 40, SymmetricSpace(40)
    hubs = np.random.default_rng(3).normal(size=size)
    noise = symmetric(4, size)
    found = analyse_matrix(noise + 0.5 * (hubs + hubs[:, None]), space=space, replicates=99)
    assert (found.p_row_hubs < 1e-6, found.p_randomisation, found.row_hubs > 3) == (True, 0.01, True)
    loops = noise.copy()
    loops[np.diag_indices(size)] += noise.sum(axis=1) / 3
    found = analyse_matrix(loops, space=space, replicates=99)
    assert (found.p_diagonal < 1e-4, found.diagonal_correlation > 0.5, found.p_row_hubs > 0.01) == (True, True, True)
    with pytest.raises(ValueError, match="matrices must be symmetric"):
        analyse_matrix(np.triu(noise), space=space)
    with pytest.raises(ValueError, match="space must be of matrices of shape"):
        analyse_matrix(noise, space=SymmetricSpace(39))


@pytest.mark.parametrize(("count", "size"), [(2, 8), (3, 11)])
def test_several_matrices_ratio_and_exact_law(count, size):
    space = MultiMatrixSpace(count, size)
    matrices = np.random.default_rng(5).normal(size=(count, size, size))
    row = nested_models(matrices[None], given_trivial=True, replicates=1).loc["independent"]
    found = analyse_matrix(matrices, replicates=0)
    assert found.likelihood_ratio == pytest.approx(row.likelihood_ratio, rel=1e-9)
    assert found.degrees_of_freedom == row.degrees_of_freedom == 11 * count * (count - 1) // 2
    # each matrix may have any covariance of its own: here row and column sums of one are the same
    p, q = [], []
    for k in range(300):
        batch = np.random.default_rng((6, k)).normal(size=(count, size, size))
        batch[0] += batch[0].T
        batch[0, 0] += 0.01 * batch[0, 1]
        batch[0] += 0.3 * np.random.default_rng((7, k)).normal(size=(size, size))
        table = analyse_matrix(batch, space=space, replicates=19, seed=k)
        p.append([table.p_value, table.p_means_and_diagonals, table.p_symmetric_parts, table.p_antisymmetric_parts])
        q.append(table.p_randomisation)
    for values in np.array(p).T:
        assert scipy.stats.kstest(values, "uniform").pvalue > 1e-3
    assert scipy.stats.chisquare(np.histogram(q, np.arange(0.5, 21) / 20)[0]).pvalue > 1e-3


def test_several_matrices_that_are_related():
    rng = np.random.default_rng(8)
    matrices = rng.standard_t(4, size=(4, 24, 24))
    assert analyse_matrix(matrices, replicates=99).p_randomisation > 0.01
    matrices[3] -= 0.6 * matrices[1]
    found = analyse_matrix(matrices, replicates=99)
    assert max(found.p_symmetric_parts, found.p_antisymmetric_parts) < 1e-4 < found.p_means_and_diagonals
    assert found.p_randomisation == 0.01
    assert found.symmetric_correlation < -0.2 > found.antisymmetric_correlation
    with pytest.raises(ValueError, match="of more than 3 rows for each of them, got 4 of 12 rows"):
        analyse_matrix(matrices[:, :12, :12])
    with pytest.raises(ValueError, match="each matrix must vary in V_3"):
        analyse_matrix(matrices + matrices.swapaxes(1, 2))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_rank_one_is_refused(dtype):
    rng = np.random.default_rng(9)
    product = np.outer(rng.normal(size=12), rng.normal(size=12)).astype(dtype)
    with pytest.raises(ValueError, match=r"matrix must have a rank above one, .* 24 numbers, not 144 entries"):
        analyse_matrix(product)
    with pytest.raises(ValueError, match="matrix must have a rank above one"):
        analyse_matrix(product, space=RectangularSpace(12, 12))
    two = product + np.outer(rng.normal(size=12), rng.normal(size=12)).astype(dtype)
    assert np.isfinite(analyse_matrix(two, replicates=0).likelihood_ratio)


@pytest.mark.parametrize(("shape", "few"), [((5, 5), 5), ((6, 40), 6), ((8, 8), 0), ((2, 7, 7), 7)])
def test_tiny_matrices_say_what_cannot_be_known(shape, few):
    found = analyse_matrix(np.random.default_rng(10).normal(size=shape), replicates=0)
    assert found.cannot_be_known.startswith(f"{few} rows or columns are few" if few else "")
    assert bool(found.cannot_be_known) == bool(few)
    assert 0 <= found.p_value <= 1
