"""Comparisons given the trivial components: ensembles of the same fit, exact p-values for one matrix, refusals."""

import numpy as np
import pytest
import scipy.stats

from pigmm.fitting import (
    PIGMM,
    BlockGaussian,
    MultiMatrixSpace,
    RectangularSpace,
    SquareSpace,
    SymmetricSpace,
    bootstrap_comparison,
    compare,
    gaussianity_test,
)
from pigmm.fitting.model.same_fit import sample_of_same_fit
from pigmm.invariants import evaluate, multigraphs

SPACES = [
    SquareSpace(5),
    RectangularSpace(3, 5),
    SymmetricSpace(5),
    SymmetricSpace(5, diagonal=False),
    MultiMatrixSpace(2, 7),
]


def graphs_of(space, *degrees):
    return [graph for degree in degrees for graph in multigraphs(degree, space.decomposition.family)]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("space", SPACES)
def test_ensembles_of_the_same_fit(space, count, generic):
    model = BlockGaussian.fit(generic(space, 1).sample(count, 2), space, given_trivial=True)
    first, second = (sample_of_same_fit(model, seed) for seed in (0, 1))
    assert first.shape == (count, *space.shape)
    assert np.abs(first - second).max() > 0.1
    for drawn in (first, second):
        refit = BlockGaussian.fit(drawn, space, given_trivial=True)
        np.testing.assert_allclose(refit.given, model.given, rtol=1e-9, atol=1e-9)
        for own, other in zip(refit.covariances, model.covariances, strict=True):
            np.testing.assert_allclose(own, other, rtol=1e-8, atol=1e-10)
    with pytest.raises(ValueError, match="model must be fitted given the trivial components"):
        sample_of_same_fit(generic(space, 1))


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("space", SPACES)
def test_the_fit_forces_linear_and_quadratic_invariants_and_no_others(space, count, generic):
    matrices = generic(space, 3).sample(count, 4)
    model = BlockGaussian.fit(matrices, space, given_trivial=True)
    graphs = graphs_of(space, 1, 2, 3)
    table = compare(model, matrices, graphs, replicates=30)
    family = space.decomposition.family
    np.testing.assert_allclose(table.measured, evaluate(matrices, graphs, family=family).mean(axis=0))
    np.testing.assert_array_equal(table.predicted, model.expectation(graphs))
    degrees = [[component.degree for component in graph.components] for graph in graphs]
    # in one matrix products of these are forced as well; products of linear ones are given
    forced = [sum(d) <= 2 or max(d) == 1 or (count == 1 and max(d) <= 2) for d in degrees]
    np.testing.assert_array_equal(table.z.isna(), forced)
    np.testing.assert_allclose(
        table.predicted[table.degree <= 2], table.measured[table.degree <= 2], rtol=1e-9, atol=1e-9
    )
    assert (table.standard_error[~np.array(forced)] > 0).all()
    assert (table.standard_deviation[~np.array(forced)] > 0).all()


@pytest.mark.parametrize("fitted", [True, pytest.param(False, marks=pytest.mark.thorough)])
def test_p_values_of_one_matrix_are_exact(fitted, generic):
    """Uniform on 1/20, ..., 1, for a generic Gaussian law and a matrix as small as 6 x 6."""
    law, graphs = generic(SquareSpace(6), 5), [multigraphs(3)[k] for k in (0, 6, 20)] + [multigraphs(4)[40]]
    p = []
    for seed in range(200):
        matrix = law.sample(1, (6, seed))
        model = PIGMM.fit(matrix, given_trivial=True) if fitted else law.given_those_of(matrix)
        result = bootstrap_comparison(model, matrix, graphs, fitted=fitted, replicates=19, seed=seed, threads=1)
        p.append([result.global_p_value, *result.table.p_value])
    assert not np.isnan(p).any()
    for values in np.array(p).T[1:]:
        counts = np.histogram(values, np.arange(0.5, 21) / 20)[0]
        assert scipy.stats.chisquare(counts).pvalue > 1e-3
    assert scipy.stats.binomtest(int((np.array(p)[:, 0] <= 0.1).sum()), 200, 0.1).pvalue > 1e-3


@pytest.mark.thorough
def test_standard_errors_of_one_matrix_are_those_of_many_fits():
    """measured - predicted over independent matrices of one law, each with its own fit."""
    graphs = [multigraphs(3)[k] for k in (0, 6, 7, 20, 30)] + [multigraphs(4)[k] for k in (0, 40, 150)]
    z = []
    for seed in range(120):
        matrix = PIGMM.iid(12, variance=1.0, mean=0.1).sample(1, seed)
        z.append(compare(PIGMM.fit(matrix, given_trivial=True), matrix, graphs, replicates=40, seed=seed).z)
    z = np.array(z)[:, ~np.isnan(z[0])]
    assert z.shape[1] >= 6
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=4 / np.sqrt(120))
    np.testing.assert_allclose(z.std(axis=0), 1, atol=0.3)


@pytest.mark.parametrize("count", [1, 2])
def test_heavy_tails_of_one_matrix_are_seen_and_a_large_mean_is_not(count):
    rng = np.random.default_rng(7)
    heavy = rng.standard_t(3, size=(count, 24, 24)) + 1e4
    result = gaussianity_test(heavy, given_trivial=True, replicates=199)
    assert result.global_p_value == result.smallest_p_value == 1 / 200
    normal = rng.normal(size=(count, 24, 24)) + 1e4 + 300 * np.eye(24)
    result = gaussianity_test(normal, given_trivial=True, replicates=199)
    assert result.global_p_value > 0.01
    # nothing is left of linear factors
    degrees = [[c.degree for c in graph.components] for graph in multigraphs(3) + multigraphs(4)]
    forced = [min(d) == 1 or (count == 1 and max(d) == 2) for d in degrees]
    np.testing.assert_array_equal(result.table.z.isna(), forced)


@pytest.mark.parametrize("space", SPACES)
def test_gaussianity_of_every_kind(space, generic):
    matrices = generic(space, 8).sample(2, 9)
    graphs = graphs_of(space, 3)
    result = gaussianity_test(matrices, graphs, space=space, given_trivial=True, replicates=99)
    assert 0.01 < result.global_p_value <= 1
    again = gaussianity_test(matrices, graphs, space=space, given_trivial=True, replicates=99, threads=1)
    np.testing.assert_array_equal(result.replicated_z, again.replicated_z)


def test_models_that_are_not_the_fit_are_refused():
    matrix, other = (PIGMM.iid(8, variance=1.0).sample(1, seed=seed) for seed in (0, 1))
    model, graphs = PIGMM.fit(matrix, given_trivial=True), multigraphs(3)
    shrunk = PIGMM.fit(matrix, given_trivial=True, shrinkage=0.2)
    for wrong, matrices in ((model, other), (shrunk, matrix), (model, np.concatenate([matrix, other]))):
        with pytest.raises(ValueError, match=r"model must be the fit of these matrices .* fitted=False"):
            compare(wrong, matrices, graphs)
    table = compare(model, other, graphs, fitted=False)
    np.testing.assert_allclose(table.predicted, model.given_those_of(other).expectation(graphs))
    assert table.z[graphs.index(multigraphs(3)[0])] == table.z[0]
    with pytest.raises(ValueError, match="replicates must be an integer of at least 2, got 1"):
        compare(model, matrix, graphs, replicates=1)
