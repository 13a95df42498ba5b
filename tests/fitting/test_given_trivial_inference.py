"""Inference given the trivial components: intervals, nested models, randomisation, distances of the others."""

import numpy as np
import pytest
import scipy.linalg
import scipy.stats

from pigmm.fitting import (
    PIGMM,
    BlockGaussian,
    MultiMatrixSpace,
    RectangularSpace,
    SquareSpace,
    SufficientStatistics,
    SymmetricSpace,
    analyse_matrix,
    bhattacharyya_distance,
    confidence_intervals,
    distance_interval,
    distance_test,
    distances_to,
    farther_test,
    jeffreys_divergence,
    kl_divergence,
    nested_models,
    randomisation_test,
    restricted_fits,
    restrictions,
    sample_estimates,
    standard_errors,
    wasserstein_distance,
    wasserstein_distance_squared,
)

SPACES = [
    SquareSpace(5),
    RectangularSpace(3, 5),
    SymmetricSpace(5),
    SymmetricSpace(5, diagonal=False),
    MultiMatrixSpace(2, 7),
]


def fitted(space, generic, count, seed):
    matrices = generic(space, seed).sample(count, seed + 50)
    return matrices, BlockGaussian.fit(matrices, space, given_trivial=True)


def known(model):
    """Positions of the parameters that are estimated."""
    copies = len(model.means)
    return slice(copies + copies * (copies + 1) // 2, None)


@pytest.mark.parametrize("space", SPACES)
def test_estimates_are_drawn_by_the_law_of_fits(space, generic):
    _, model = fitted(space, generic, 2, seed=1)
    drawn = sample_estimates(model, 2, 4000, seed=0)
    own = known(model)
    refits = np.array(
        [BlockGaussian.fit(model.sample(2, s), space, given_trivial=True).parameters[own] for s in range(400)]
    )
    error = standard_errors(model, 2)
    assert not error[: own.start].any()
    assert np.isnan(drawn[:, len(model.means) : own.start]).all()
    np.testing.assert_array_equal(drawn[:, : len(model.means)], np.tile(model.means, (4000, 1)))
    for values in (drawn[:, own], refits):
        np.testing.assert_allclose(values.std(axis=0) / error[own], 1, atol=6 / np.sqrt(2 * len(refits)))
        z = (values.mean(axis=0) - model.parameters[own]) / error[own] * np.sqrt(len(values))
        assert np.abs(z).max() < 4.5


def test_intervals_of_one_matrix_hold_the_truth_as_often_as_they_say():
    law = PIGMM(16, [0, 0, 1, 0, 1, 1, 0.3, 0, 2, -0.4, 1, 1.5, 0.7])
    names = law.names[5:]
    truth = dict(zip(law.names, law.parameters, strict=True))
    inside = []
    for seed in range(200):
        matrix = law.sample(1, seed)
        table = confidence_intervals(PIGMM.fit(matrix, given_trivial=True), matrix, level=0.9)
        assert table.index.tolist() == list(names)
        inside.append([row.lower <= truth[name] <= row.upper for name, row in table.iterrows()])
    for hits in np.array(inside).T:
        assert scipy.stats.binomtest(int(hits.sum()), 200, 0.9).pvalue > 1e-3


@pytest.mark.parametrize("method", ["exact", "sandwich", "bootstrap"])
def test_intervals_of_several_matrices(method):
    matrices = PIGMM.iid(8, variance=1.0).sample(300, seed=0)
    table = confidence_intervals(PIGMM.fit(matrices, given_trivial=True), matrices, method=method)
    full = confidence_intervals(PIGMM.fit(matrices), matrices, method=method).iloc[5:]
    np.testing.assert_allclose(table[["lower", "upper"]], full[["lower", "upper"]], atol=0.02)
    assert ((table.lower < table.estimate) & (table.estimate < table.upper)).all()


def test_intervals_refuse_what_they_cannot_know():
    matrix = PIGMM.iid(8, variance=1.0).sample(1, seed=0)
    model = PIGMM.fit(matrix, given_trivial=True)
    assert confidence_intervals(model, 1).equals(confidence_intervals(model, matrix))
    with pytest.raises(ValueError, match="matrices must be the 1 whose trivial components are given, got 2"):
        confidence_intervals(model, 2)
    with pytest.raises(ValueError, match="the number of matrices must be an integer of at least 2, got 1"):
        confidence_intervals(model, matrix, method="sandwich")


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("space", SPACES)
def test_nested_models_maximise_the_conditional_likelihood(space, count, generic):
    matrices, model = fitted(space, generic, count, seed=2)
    table = nested_models(matrices, space=space, given_trivial=True, replicates=9)
    models = restricted_fits(matrices, space=space, given_trivial=True)
    nested = {submodel.name: submodel for submodel in restrictions(space, given_trivial=True)}
    assert models.keys() == nested.keys()
    last = list(models.values())[-1]
    np.testing.assert_allclose(last.parameters, model.parameters, rtol=1e-9)
    rng = np.random.default_rng(0)
    for name, own in models.items():
        best = own.log_prob(matrices).sum()
        assert table.log_likelihood[name] == pytest.approx(best, rel=1e-9)
        assert np.isfinite(table.loc[name, ["aic", "bic"]].astype(float)).all()
        least = min(np.linalg.eigvalsh(block)[0] for block in own.covariances[1:])
        for _ in range(3):
            step = 1e-3 * least * rng.normal(size=len(nested[name].covariances)) @ nested[name].directions
            moved = [
                BlockGaussian(space, own.parameters + s * step, own.given).log_prob(matrices).sum() for s in (-1, 1)
            ]
            assert max(moved) <= best + 1e-9
            assert abs(moved[0] - moved[1]) < 0.05 * abs(best - min(moved)) + 1e-9  # to first order nothing changes
    assert (table.likelihood_ratio.dropna() >= 0).all()


def test_nested_models_of_one_matrix_are_those_of_analyse_matrix():
    matrix = np.random.default_rng(3).normal(size=(1, 12, 12)) - 0.3 * np.eye(12)
    one = analyse_matrix(matrix[0], replicates=0)
    table = nested_models(matrix, given_trivial=True, replicates=99)
    assert table.parameters.to_dict() == {
        "iid": 1,
        "S_N x S_N, transpose": 2,
        "S_N x S_N": 3,
        "independent, diagonal apart": 2,
        "B_N": 3,
        "S_N, transpose": 6,
        "S_N": 8,
    }
    row = table.loc["S_N x S_N"]
    assert (row.against, row.degrees_of_freedom) == ("S_N", 5)
    assert row.likelihood_ratio == pytest.approx(one.likelihood_ratio, rel=1e-9)
    model = PIGMM.fit(matrix, given_trivial=True)
    for same in (
        nested_models(model, replicates=99),
        nested_models(model, 1, replicates=99),
        nested_models(SufficientStatistics.of(matrix), given_trivial=True, replicates=99),
    ):
        np.testing.assert_allclose(same.likelihood_ratio.astype(float), table.likelihood_ratio.astype(float), rtol=1e-7)
    with pytest.raises(ValueError, match="count must be 1, whose trivial components are given, got 2"):
        nested_models(model, 2)
    with pytest.raises(ValueError, match="data must be a model fitted given the trivial components"):
        nested_models(PIGMM.iid(5, variance=1.0), 10, given_trivial=True)


@pytest.mark.thorough
def test_bootstrap_of_nested_models_of_one_small_matrix_is_calibrated():
    p = []
    for seed in range(300):
        matrix = np.random.default_rng((4, seed)).normal(size=(1, 6, 6))
        p.append(nested_models(matrix, given_trivial=True, replicates=39, seed=seed).p_bootstrap["S_N x S_N"])
    # the statistic has no free parameters under the hypothesis, so the bootstrap is exact: uniform on 1/40, ..., 1
    assert scipy.stats.binomtest(int((np.array(p) <= 0.05).sum()), 300, 0.05).pvalue > 1e-3
    assert scipy.stats.kstest(p, "uniform").statistic < 0.1


def test_randomisation_of_one_matrix_and_of_several():
    rng = np.random.default_rng(5)
    matrices = rng.normal(size=(3, 10, 10))
    for batch in (matrices[:1], matrices):
        found = randomisation_test(batch, given_trivial=True, replicates=99)
        expected = nested_models(batch, given_trivial=True, replicates=1).likelihood_ratio["S_N x S_N"]
        assert found.likelihood_ratio == pytest.approx(expected, rel=1e-9)
        assert found.p_value > 0.01
    related = matrices[:1] + 0.8 * matrices[:1].swapaxes(1, 2)
    assert randomisation_test(related, given_trivial=True, replicates=99).p_value == 0.01
    p = []
    for seed in range(200):
        heavy = np.random.default_rng((6, seed)).standard_t(3, size=(1, 7, 7)) * np.array([1, 1, 1, 1, 1, 2, 9.0])
        p.append(randomisation_test(heavy, given_trivial=True, replicates=19, seed=seed).p_value)
    counts = np.histogram(p, np.arange(0.5, 21) / 20)[0]
    assert scipy.stats.chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize("space", SPACES)
def test_distances_are_those_of_the_other_components(space, generic):
    (_, p), (_, q) = (fitted(space, generic, 2, seed) for seed in (7, 8))
    kl = bures = 0.0
    for d, a, b in zip(p.dimensions[1:], p.covariances[1:], q.covariances[1:], strict=True):
        ratio = np.linalg.solve(b, a)
        kl += d / 2 * (np.trace(ratio) - len(a) - np.linalg.slogdet(ratio)[1])
        root = scipy.linalg.sqrtm(a).real
        bures += d * np.trace(a + b - 2 * scipy.linalg.sqrtm(root @ b @ root).real)
    assert kl_divergence(p, q) == pytest.approx(kl, rel=1e-8)
    assert wasserstein_distance_squared(p, q) == pytest.approx(bures, rel=1e-7)
    assert jeffreys_divergence(p, q) == pytest.approx(kl_divergence(p, q) + kl_divergence(q, p), rel=1e-9)
    assert bhattacharyya_distance(p, q) > 0
    assert wasserstein_distance(p, p.given_those_of(q.sample(1, seed=0))) == pytest.approx(0, abs=1e-6)
    with pytest.raises(ValueError, match="models must be both of all components or both given the trivial ones"):
        kl_divergence(p, generic(space, 7))


def test_which_of_two_single_matrices_is_farther():
    def fit(variance, seed, size=9):
        matrix = np.sqrt(variance) * np.random.default_rng(seed).normal(size=(1, size, size)) + seed
        return PIGMM.fit(matrix, given_trivial=True)

    law = PIGMM.iid(9, 1.0).given_those_of(np.zeros((1, 9, 9)))
    p = [farther_test(fit(2.0, 2 * k), fit(2.0, 2 * k + 1), law, 1, 1, replicates=39).p_value for k in range(24)]
    assert np.sum(np.array(p) <= 0.25) <= 12  # more have probability 0.002
    far = farther_test(fit(9.0, 0), fit(1.5, 1), law, 1, 1, replicates=39)
    assert (far.difference > 0, far.p_value) == (True, 0.05)
    table = distances_to({0: fit(1.0, 0), 1: fit(9.0, 1)}, fit(1.0, 2), 1, 1, replicates=39)
    assert table.p_value[0] > 0.1 > table.p_value[1] == 1 / 40
    assert table.distance[1] == wasserstein_distance(fit(9.0, 1), fit(1.0, 2))
    refused = "models must be both of all components or both given the trivial ones, got one of each"
    with pytest.raises(ValueError, match=refused):
        farther_test(fit(2.0, 0), fit(2.0, 1), PIGMM.iid(9, 1.0), 1, 1)
    with pytest.raises(ValueError, match=refused):
        distances_to({0: fit(2.0, 0)}, PIGMM.iid(9, 1.0), 1)


@pytest.mark.thorough
def test_distances_of_single_matrices_have_their_null_band():
    def fit(variance, seed):
        matrix = np.sqrt(variance) * np.random.default_rng(seed).normal(size=(1, 9, 9)) + seed
        return PIGMM.fit(matrix, given_trivial=True)

    p = [distance_test(fit(1.0, 2 * k), fit(1.0, 2 * k + 1), 1, 1, replicates=99, seed=k).p_value for k in range(100)]
    assert scipy.stats.kstest(p, "uniform").pvalue > 1e-3
    far = distance_test(fit(1.0, 0), fit(4.0, 1), 1, 1, replicates=99)
    assert far.p_value == 1 / 100
    interval = distance_interval(fit(1.0, 0), fit(4.0, 1), 1, 1, replicates=199)
    assert 0 < interval.lower < interval.distance == far.distance
    assert interval.lower < np.sqrt(79) < interval.upper  # of the 79 components that are not trivial
    matrix = np.random.default_rng(0).normal(size=(1, 9, 9))
    full, iid = PIGMM.fit(matrix, given_trivial=True), restricted_fits(matrix, given_trivial=True)["iid"]
    with pytest.raises(ValueError, match='got q the fit of "iid" to the matrices of p'):
        distance_test(full, iid, 1, 1)
