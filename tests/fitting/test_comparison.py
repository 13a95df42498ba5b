"""compare: its columns, and that its standard error is that of the refitted comparison."""

import numpy as np
import pytest
import scipy.stats

from pigmm.fitting import PIGMM, compare, q_values, restricted_fits
from pigmm.fitting.tests_of_models.gaussianity import comparison
from pigmm.invariants import evaluate, multigraphs


def test_columns_and_order(random_model):
    model = random_model(5, seed=1)
    matrices = model.sample(50, seed=1)
    fitted = PIGMM.fit(matrices)
    graphs = (multigraphs(4) + multigraphs(3))[::-7]
    table = compare(fitted, matrices, graphs)
    assert table["graph"].tolist() == [graph.label for graph in graphs]
    assert table["degree"].tolist() == [graph.degree for graph in graphs]
    assert table["nodes"].tolist() == [graph.number_of_nodes for graph in graphs]
    values = evaluate(matrices, graphs)
    np.testing.assert_allclose(table["measured"], values.mean(axis=0))
    np.testing.assert_allclose(table["predicted"], fitted.expectation(graphs))
    np.testing.assert_allclose(table["standard_deviation"], values.std(axis=0, ddof=1))
    difference = table["measured"] - table["predicted"]
    np.testing.assert_allclose(table["deviation"], difference.abs() / table["standard_deviation"])
    np.testing.assert_allclose(table["z"], difference / table["standard_error"])


def test_standard_error_allows_for_the_refit(random_model):
    """Over 300 ensembles z has unit spread; with sd(O_G) instead it would be several times too small."""
    model = random_model(6, seed=2)
    graphs = multigraphs(3)
    tables = [compare(PIGMM.fit(m), m, graphs) for m in (model.sample(400, seed=k) for k in range(300))]
    z = np.array([table["z"] for table in tables])
    # sampling error of a standard deviation from 300 draws is 4%; the leading order in 1/n adds a few per cent
    assert np.abs(z.std(axis=0) - 1).max() < 0.25
    assert abs(z.std(axis=0).mean() - 1) < 0.05
    naive = np.array([(t["measured"] - t["predicted"]) / t["standard_deviation"] * 20 for t in tables])
    assert naive.std(axis=0).mean() < 0.7


def test_dense_formulas(random_model):
    """Every column of a small comparison, from the residuals written out, and scipy's q-values."""
    matrices = random_model(4, seed=5).sample(30, seed=5)
    model, graphs = PIGMM.fit(matrices), multigraphs(3)
    table = compare(model, matrices, graphs)
    values = evaluate(matrices, graphs)
    residuals = values - model.influence(matrices) @ model.expectation_gradient(graphs).T
    np.testing.assert_allclose(table["standard_error"], residuals.std(axis=0, ddof=1) / np.sqrt(30), rtol=1e-9)
    p = scipy.stats.ttest_1samp(residuals + values.mean(axis=0) - residuals.mean(axis=0), model.expectation(graphs))
    np.testing.assert_allclose(table["p_value"], p.pvalue, rtol=1e-7)
    np.testing.assert_allclose(table["q_value"], scipy.stats.false_discovery_control(p.pvalue), rtol=1e-7)


def test_chunks_do_not_matter(random_model, monkeypatch):
    matrices = random_model(5, seed=6).sample(100, seed=6) + 3.0
    model, graphs = PIGMM.fit(matrices), multigraphs(2) + multigraphs(3)
    whole = compare(model, matrices, graphs)
    monkeypatch.setattr(comparison, "_CHUNK_VALUES", 13 * (len(graphs) + 25))
    chunked = compare(model, matrices, graphs)
    columns = ["measured", "standard_deviation", "z", "p_value", "q_value"]
    np.testing.assert_allclose(chunked[columns], whole[columns], rtol=1e-7, atol=1e-9)
    assert whole["q_value"].isna().tolist() == [graph.degree == 2 for graph in graphs]


def test_q_values_leave_out_what_is_no_test():
    p = np.array([0.03, np.nan, 0.001, 0.5, np.nan])
    q = q_values(p)
    assert np.isnan(q).tolist() == [False, True, False, False, True]
    np.testing.assert_allclose(q[[0, 2, 3]], scipy.stats.false_discovery_control([0.03, 0.001, 0.5]))
    assert np.isnan(q_values([np.nan, np.nan])).all()
    with pytest.raises(ValueError, match="0 and 1"):
        q_values([0.5, 1.5])


def test_asymptotic_p_values_are_near_their_level(random_model):
    """At 300 matrices of size 6 the 5% test rejects about 5% over graphs and ensembles, and no graph over 15%."""
    model = random_model(6, seed=7)
    graphs = multigraphs(3)
    p = np.array([compare(PIGMM.fit(m), m, graphs)["p_value"] for m in (model.sample(300, seed=k) for k in range(400))])
    assert 0.035 < (p < 0.05).mean() < 0.065
    assert (p < 0.05).mean(axis=0).max() < 0.15


def test_a_given_model_is_compared_without_refit(random_model):
    model = random_model(5, seed=3)
    matrices = model.sample(400, seed=0)
    table = compare(model, matrices, multigraphs(2), fitted=False)
    np.testing.assert_allclose(table["standard_error"], table["standard_deviation"] / 20)
    assert table["z"].abs().max() < 4.5


def test_forced_agreement_has_no_z(random_model):
    matrices = random_model(5, seed=4).sample(60, seed=0)
    table = compare(PIGMM.fit(matrices), matrices, multigraphs(1) + multigraphs(2))
    assert table["z"].isna().all()
    assert (table["deviation"] < 1e-10).all()


def test_forced_agreement_is_seen_behind_a_large_mean(random_model):
    matrices = random_model(5, seed=4).sample(60, seed=0) + 1e7
    assert compare(PIGMM.fit(matrices), matrices, multigraphs(2))["z"].isna().all()


def test_a_model_that_is_not_the_fit_is_refused(random_model):
    """Fits of other matrices, given models and restricted ones have other standard errors than fits of these."""
    first, second = random_model(5, seed=4).sample(120, seed=0).reshape(2, 60, 5, 5)
    model = PIGMM.fit(first)
    for other in (random_model(5, seed=4), PIGMM.fit(second), restricted_fits(first)["S_N x S_N"]):
        with pytest.raises(ValueError, match=r"^model must be the fit of these matrices, got .*; pass fitted=False.*$"):
            compare(other, first, multigraphs(3))
        assert len(compare(other, first, multigraphs(3), fitted=False)) == 52
    table = compare(model, first, multigraphs(3))
    chunked = PIGMM.fit(iter(np.array_split(first, 7)))
    np.testing.assert_allclose(compare(chunked, first, multigraphs(3)).z, table.z, rtol=1e-6)
    single = first.astype(np.float32)
    np.testing.assert_allclose(compare(PIGMM.fit(single), first, multigraphs(3)).z, table.z, atol=1e-3)
    np.testing.assert_allclose(compare(model, single, multigraphs(3)).z, table.z, atol=1e-3)


def test_standard_errors_with_shrinkage(random_model):
    """They are those of the refitted, shrunk comparison; the differences vary about their bias."""
    model, graphs = random_model(5, seed=2), multigraphs(3)
    tables = [
        compare(PIGMM.fit(m, shrinkage=0.3), m, graphs) for m in model.sample(60 * 300, seed=1).reshape(60, 300, 5, 5)
    ]
    differences = np.array([table.measured - table.predicted for table in tables])
    errors = np.mean([table.standard_error for table in tables], axis=0)
    # a standard deviation of 60 differences is known to 9 %
    ratio = differences.std(axis=0, ddof=1) / errors
    assert abs(ratio.mean() - 1) < 0.1
    assert np.abs(ratio - 1).max() < 0.45


@pytest.mark.parametrize(("size", "count"), [(6, 2000), (20, 300)])
def test_a_mean_that_swamps_the_spread_is_refused(size, count):
    """Moving all entries leaves z of cubic invariants as they are, exactly; where rounding hides it, it is refused."""
    matrices, graphs = PIGMM.iid(size, 1.0).sample(count, seed=0), multigraphs(3)
    plain = compare(PIGMM.fit(matrices), matrices, graphs)
    for mean in (1e1, 1e2):
        moved = matrices + mean
        np.testing.assert_allclose(compare(PIGMM.fit(moved), moved, graphs).z, plain.z, atol=1e-3)
    for mean in (1e4, 1e5, 1e6):
        moved = matrices + mean
        with pytest.raises(ValueError, match="mean that does not swamp their spread, got"):
            compare(PIGMM.fit(moved), moved, graphs)


def test_several_matrices_with_graphs_of_one():
    from pigmm.fitting import BlockGaussian

    matrices = np.random.default_rng(0).normal(size=(80, 2, 4, 4))
    table = compare(BlockGaussian.fit(matrices), matrices, multigraphs(3))
    assert len(table) == 52
    assert table["z"].abs().max() < 5.5


def test_bad_input(random_model):
    model = random_model(5, seed=4)
    with pytest.raises(ValueError, match="at least 2"):
        compare(model, model.sample(1, seed=0), multigraphs(3))
    with pytest.raises(ValueError, match="shape"):
        compare(model, np.ones((5, 4, 4)), multigraphs(3))


@pytest.mark.parametrize(
    ("shape", "hint"),
    [((10, 10, 50), r"np.moveaxis\(matrices, -1, 0\)"), ((100, 36), r"matrices.reshape\(-1, 6, 6\)")],
)
def test_matrices_in_another_order_are_hinted_at(shape, hint):
    with pytest.raises(ValueError, match=hint):
        PIGMM.fit(np.random.default_rng(0).normal(size=shape))


def test_invariants_that_overflow_are_no_tests():
    """Their rows have no numbers, without a warning, which is an error here."""
    matrices = 1e120 * PIGMM.iid(4, 1.0).sample(40, seed=0)
    table = compare(PIGMM.fit(matrices), matrices, multigraphs(3))
    assert table.z.isna().all()
    assert not np.isfinite(table.measured).any()
