"""The bootstrap comparison: what it simulates, its p-values by counting, reproducible draws, level and power."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.stats

from pigmm.fitting import (
    PIGMM,
    BlockGaussian,
    RectangularSpace,
    SymmetricSpace,
    bootstrap_comparison,
    compare,
    gaussianity_test,
)
from pigmm.fitting.tests_of_models.gaussianity import bootstrap as module
from pigmm.fitting.tests_of_models.gaussianity.bootstrap import global_p_values, replicate_z
from pigmm.invariants import multigraphs
from pigmm.invariants.evaluation import on_arrays

GRAPHS = multigraphs(3)


@pytest.mark.parametrize("fitted", [True, False])
@pytest.mark.parametrize("space", [SymmetricSpace(4), RectangularSpace(3, 4)])
def test_a_replicate_is_a_comparison(space, fitted, generic):
    """Drawn, refitted and compared by the public functions, from the same random numbers, it gives the same z."""
    model = generic(space, seed=1)
    graphs = multigraphs(3, space.decomposition.family)
    found = replicate_z(model, 40, graphs, fitted=fitted, replicates=3, seed=5)
    for row, seed in zip(found, np.random.SeedSequence(5).spawn(3), strict=True):
        matrices = model.sample(40, np.random.default_rng(seed))
        own = BlockGaussian.fit(matrices, space) if fitted else model
        z = compare(own, matrices, graphs, fitted=fitted)["z"]
        np.testing.assert_allclose(row, z, rtol=1e-6, atol=1e-8)


def test_replicates_depend_on_the_seed_only(random_model, monkeypatch):
    model = random_model(5, seed=2)
    expected = replicate_z(model, 30, GRAPHS, replicates=8, seed=1, threads=1)
    np.testing.assert_array_equal(replicate_z(model, 30, GRAPHS, replicates=8, seed=1, threads=3), expected)
    np.testing.assert_array_equal(replicate_z(model, 30, GRAPHS, replicates=3, seed=1), expected[:3])
    assert not np.allclose(replicate_z(model, 30, GRAPHS, replicates=8, seed=2), expected)
    monkeypatch.setattr(module, "_SLICE", 7)
    np.testing.assert_allclose(replicate_z(model, 30, GRAPHS, replicates=8, seed=1), expected, rtol=1e-7, atol=1e-9)


def test_p_values_by_counting(random_model):
    matrices = random_model(5, seed=3).sample(40, seed=3)
    model, graphs = PIGMM.fit(matrices), multigraphs(2) + GRAPHS
    result = bootstrap_comparison(model, matrices, graphs, replicates=60, seed=4)
    plain = compare(model, matrices, graphs)
    assert result.replicates == 60
    assert result.smallest_p_value == pytest.approx(1 / 61)
    forced = [graph.degree == 2 for graph in graphs]
    for column in ("z", "p_value", "q_value", "familywise_p_value", "null_mean"):
        assert result.table[column].isna().tolist() == forced
    np.testing.assert_array_equal(result.table["z"], plain["z"])
    np.testing.assert_array_equal(result.table["asymptotic_p_value"], plain["p_value"])
    z, null = result.table["z"].to_numpy(), result.replicated_z
    used = np.flatnonzero(~np.array(forced))
    assert np.isnan(null[:, :11]).all()
    largest = [max(abs(row[k]) for k in used) for row in null]
    for k in used:
        assert result.table["p_value"][k] == (1 + sum(abs(row[k]) >= abs(z[k]) for row in null)) / 61
        assert result.table["familywise_p_value"][k] == (1 + sum(top >= abs(z[k]) for top in largest)) / 61
    np.testing.assert_allclose(
        result.table["q_value"][used], scipy.stats.false_discovery_control(result.table["p_value"][used])
    )
    np.testing.assert_allclose(result.table["null_skewness"][used], scipy.stats.skew(null[:, used], axis=0))
    assert result.largest_p_value == result.table["familywise_p_value"].min()
    squares = [np.mean([row[k] ** 2 for k in used]) for row in null]
    assert result.mean_square_p_value == (1 + sum(s >= np.mean(z[used] ** 2) for s in squares)) / 61


def test_the_global_test_is_exact_for_exchangeable_numbers():
    """Whatever their law: the level of a rank test needs no asymptotics, ties included."""
    rng = np.random.default_rng(0)
    for draw in (lambda: rng.standard_cauchy((40, 6)), lambda: rng.integers(-2, 3, size=(40, 6)).astype(float)):
        p = np.array([global_p_values(z[0], z[1:]) for z in (draw() for _ in range(1500))])
        for level in (0.05, 0.1, 0.5):
            assert ((p <= level).mean(axis=0) <= level + 4 * np.sqrt(level * (1 - level) / 1500)).all()
    assert (p > 0).all()
    assert global_p_values(np.full(6, 99.0), rng.normal(size=(199, 6))) == (1 / 200,) * 3


def test_level_of_the_whole_test(random_model):
    """One replicate an ensemble, pooled: the statistics of Gaussian ensembles have the law of their replicates.

    At 15 matrices the asymptotic law is far off, so that this sees the bootstrap at work.
    """
    model, graphs = random_model(4, seed=4), multigraphs(4)[::8]
    z, null = [], []
    for k in range(600):
        matrices = model.sample(15, seed=k)
        fit = PIGMM.fit(matrices)
        z.append(compare(fit, matrices, graphs)["z"])
        null.append(replicate_z(fit, 15, graphs, replicates=1, seed=k, threads=1)[0])
    z, null = np.array(z), np.array(null)
    p = [scipy.stats.ks_2samp(a, b).pvalue for a, b in zip(z.T, null.T, strict=True)]
    p.append(scipy.stats.ks_2samp(np.abs(z).max(axis=1), np.abs(null).max(axis=1)).pvalue)
    p.append(scipy.stats.ks_2samp((z**2).mean(axis=1), (null**2).mean(axis=1)).pvalue)
    assert min(p) > 0.01 / len(p)
    assert min(scipy.stats.kstest(a, scipy.stats.t(14).cdf).pvalue for a in z.T) < 1e-5


@pytest.mark.parametrize("law", ["student", "mixture"])
def test_power(law, random_model):
    """Neither is seen in every invariant, but the ensemble is, and single graphs with their family allowed for."""
    rng = np.random.default_rng(0)
    if law == "student":
        matrices = rng.standard_t(5, size=(1000, 5, 5))
    else:
        both = [random_model(5, seed=s).sample(1000, rng) for s in (1, 2)]
        matrices = np.where(rng.random((1000, 1, 1)) < 0.5, *both)
    result = gaussianity_test(matrices, multigraphs(4)[:60], replicates=199)
    assert result.global_p_value == result.smallest_p_value == 1 / 200
    assert (result.table["familywise_p_value"] <= 0.05).any()
    assert (result.table["q_value"] <= 0.05).sum() > 5


def test_other_kinds_of_matrices(generic):
    matrices = generic(RectangularSpace(3, 4), seed=2).sample(100, seed=2)
    assert len(gaussianity_test(matrices, replicates=19).table) == 10 + 33
    space = SymmetricSpace(4, diagonal=False)
    result = gaussianity_test(generic(space, seed=2).sample(100, seed=2), space=space, replicates=19)
    assert len(result.table) == 8 + 23


def test_bad_input(random_model):
    model = random_model(5, seed=4)
    matrices = model.sample(10, seed=0)
    with pytest.raises(ValueError, match="replicates must be an integer of at least 1, got 0"):
        bootstrap_comparison(model, matrices, GRAPHS, replicates=0)
    for name, value, least in (("replicates", 9.5, 1), ("threads", 0, 1), ("threads", 1.5, 1), ("seed", "1", 0)):
        with pytest.raises(ValueError, match=f"{name} must be an integer of at least {least}, got {value!r}"):
            bootstrap_comparison(model, matrices, GRAPHS, **{name: value})
    with pytest.raises(ValueError, match="number of matrices must be an integer of at least 3, got 2"):
        bootstrap_comparison(model, matrices[:2], GRAPHS)
    with pytest.raises(ValueError, match="does not force"):
        bootstrap_comparison(PIGMM.fit(matrices), matrices, multigraphs(2), replicates=5)
    with pytest.raises(ValueError, match=r"model must be fitted by maximum likelihood.* got shrinkage 0\.1"):
        bootstrap_comparison(PIGMM.fit(matrices, shrinkage=0.1), matrices, GRAPHS, replicates=5)
    with pytest.raises(ValueError, match="model must be the fit of these matrices"):
        bootstrap_comparison(model, matrices, GRAPHS, replicates=5)
    matrices[4, 0, 0] = np.inf
    with pytest.raises(ValueError, match=r"first at index \(4, 0, 0\)"):
        gaussianity_test(matrices)


@pytest.mark.parametrize("size", [10, 25, 40])
def test_threads_are_at_most_as_many_as_asked_for(size, monkeypatch):
    """Small matrices and large ones: the evaluation inside a replicate starts no threads of its own."""
    asked = []

    class Pool(ThreadPoolExecutor):
        def __init__(self, threads):
            asked.append(threads)
            super().__init__(threads)

    for place in (module, on_arrays):
        monkeypatch.setattr(place, "ThreadPoolExecutor", Pool)
    module.replicate_z(PIGMM.iid(size, variance=1.0), 40, multigraphs(2)[-2:], replicates=2, threads=1)
    assert asked == [1]


@pytest.mark.parametrize("mean", [1e4, 1e6])
def test_a_large_mean_is_no_departure(mean):
    """The test is of the matrices about their mean, so that moving all entries changes nothing but rounding."""
    matrices = PIGMM.iid(4, variance=1.0).sample(100, seed=0)
    plain, moved = (gaussianity_test(matrices + shift, GRAPHS, replicates=19) for shift in (0.0, mean))
    np.testing.assert_allclose(moved.table.z, plain.table.z, atol=1e-4)
    assert moved.global_p_value == plain.global_p_value


def test_results_show_themselves_briefly(random_model):
    result = gaussianity_test(random_model(4, seed=1).sample(30, seed=0), GRAPHS, replicates=9)
    assert result.to_frame().p_value["global"] == result.global_p_value
    assert repr(result).count("\n") == 0
    assert f"global_p_value={result.global_p_value:.3g}" in repr(result)
    assert result.summary().startswith("Gaussianity of 52 invariants by 9 replicates\n")
    assert "<td>" in result._repr_html_()
