"""Interacting models: what decides that they have a normalisation, samples and moments against exact ones, files."""

import json
from math import factorial

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import chi2, kstest

from pigmm.fitting import (
    PIGMM,
    BlockGaussian,
    InteractingModel,
    MultiMatrixSpace,
    RectangularSpace,
    SquareSpace,
    SymmetricSpace,
    compare_interacting,
)
from pigmm.fitting.interactions.first_order import residual_covariances, simulated_shift
from pigmm.fitting.interactions.gaussian_part import natural_parameters
from pigmm.fitting.interactions.normalisation.far_field import largest_on_sphere, normalisability
from pigmm.fitting.interactions.normalisation.squares import is_sum_of_squares, vanishes_only_at_zero
from pigmm.fitting.interactions.sampling import progress
from pigmm.fitting.interactions.sampling.mixing import effective_sizes, r_hat
from pigmm.fitting.interactions.sampling.progress import patient_bar
from pigmm.invariants import RECTANGULAR, SQUARE, SYMMETRIC, Multigraph, as_graph, evaluate, multigraphs

QUARTIC = "sum M_ij^4"
GRAM = "tr (M M^T)^2"


def iid_with(couplings, size=4, variance=1.0):
    return InteractingModel.of_couplings(PIGMM.iid(size, variance), couplings)


def moment(power, coupling, variance=1.0):
    """<x^power> of the density exp(-x^2 / 2 variance + coupling x^4)."""

    def density(x):
        return np.exp(-(x**2) / (2 * variance) + coupling * x**4)

    return quad(lambda x: x**power * density(x), -20, 20)[0] / quad(density, -20, 20)[0]


# --- normalisation


@pytest.mark.parametrize(
    ("couplings", "normalisable", "exact", "reason"),
    [
        ({}, True, True, "it is a Gaussian density"),
        ({QUARTIC: -0.1}, True, True, "the terms of degree 4 are sums of squares with negative couplings"),
        ({QUARTIC: -0.1, "sum M_ij^3": 3.0}, True, True, "the terms of degree 4 are sums"),
        ({GRAM: -0.1, "01 01 21 21": -0.2, "00 00 00 00": -0.1}, True, True, "the terms of degree 4 are sums"),
        ({"(tr M)^4": -0.1}, True, True, "the couplings are negative, of sums of squares, and the Gaussian"),
        ({"sum M_ij^3": 0.01}, False, True, "the highest degree, 3, is odd"),
        ({QUARTIC: 0.01}, False, True, "the largest value of the terms of degree 4 on the unit sphere is positive"),
        ({GRAM: -1.0, "01 01 21 21": 0.9}, True, False, "on the unit sphere is -0.0"),
        ({GRAM: -1.0, "01 01 21 21": 1.1}, False, True, "on the unit sphere is positive"),
        ({"tr M^4": -0.1}, False, True, "on the unit sphere is positive"),  # at M^4 = -1
        ({"(tr M)^4": -0.1, "sum M_ij^3": 0.1}, False, False, "is zero up to rounding, so that they do not decide"),
    ],
)
def test_normalisability(couplings, normalisable, exact, reason):
    model = iid_with(couplings)
    found = model.normalisability
    assert (found.normalisable, found.exact) == (normalisable, exact)
    assert reason in found.reason
    assert model.is_normalisable is normalisable


def test_a_gaussian_factor_that_grows():
    natural = natural_parameters(PIGMM.iid(4, 1.0))
    graphs = (*iid_with({}).all_graphs, as_graph(QUARTIC))
    wells = normalisability(SquareSpace(4), graphs, np.array([*-natural, -0.1]))
    assert wells.normalisable
    assert wells.exact
    grows = normalisability(SquareSpace(4), graphs, np.array([*-natural, 0.0]))
    assert not grows.normalisable
    assert grows.reason == "its Gaussian factor grows in V_0, V_H, V_2, V_3"


def test_models_without_a_normalisation_refuse_samples_and_keep_predictions():
    matrices = np.random.default_rng(0).standard_t(9, size=(400, 4, 4))
    model = InteractingModel.fit(matrices, [QUARTIC])
    assert model.couplings.item() > 0
    for refused in (lambda: model.sample(3), lambda: model.log_density(matrices), lambda: model.sample_chains(3)):
        with pytest.raises(ValueError, match=r"must have a normalisation for .* on the unit sphere is positive"):
            refused()
    with pytest.raises(ValueError, match="must have a normalisation for samples"):
        model.expectation([QUARTIC], "sampled")
    assert model.expectation([QUARTIC])[0] > model.gaussian.expectation([QUARTIC])[0]
    assert "not normalisable" in model.summary()


@pytest.mark.parametrize("family", [SQUARE, RECTANGULAR, SYMMETRIC])
def test_sums_of_squares(family):
    """Sums of squares are never negative on heavy-tailed matrices; each of the others is found to be somewhere."""
    space = {SQUARE: SquareSpace(4), RECTANGULAR: RectangularSpace(4, 5), SYMMETRIC: SymmetricSpace(4)}[family]
    matrices = np.random.default_rng(0).standard_t(2, size=(4000, *space.shape))
    matrices = matrices + matrices.swapaxes(1, 2) if family is SYMMETRIC else matrices
    for degree in (2, 3, 4):
        graphs = multigraphs(degree, family)
        least = (evaluate(matrices, graphs, family=family) / evaluate(np.abs(matrices), graphs, family=family)).min(0)
        for graph, value in zip(graphs, least, strict=True):
            if is_sum_of_squares(graph):
                assert value > -1e-12, graph
            elif value > -1e-3:
                assert largest_on_sphere(space, [graph], [-1.0])[0] > 0, graph


def test_squares_that_vanish_at_zero_only():
    found = {graph.name or graph.formula for graph in multigraphs(4) if vanishes_only_at_zero(graph)}
    assert found == {
        "sum M_ij^4",
        "sum_ijk M_ij^2 M_ik^2",
        "sum_ijk M_ij^2 M_kj^2",
        as_graph("01 01 23 23").name or as_graph("01 01 23 23").formula,
        "tr (M M^T)^2",
    }
    assert vanishes_only_at_zero(as_graph("01 01"))
    assert not vanishes_only_at_zero(as_graph("01 23"))  # (sum M)^2


@pytest.mark.parametrize(
    ("couplings", "expected"),
    [
        ({QUARTIC: -1.0}, -1 / 25),  # at equal entries
        ({GRAM: -1.0}, -1 / 5),  # at orthogonal matrices
        ({GRAM: -1.0, "01 01 21 21": 0.5}, -0.1),  # the columns alone have at least the norm's fourth power / N
        ({QUARTIC: -1.0, "(tr M)^4": 0.5}, 0.0),
    ],
)
def test_the_largest_value_on_the_sphere(couplings, expected):
    largest, _, starts = largest_on_sphere(SquareSpace(5), [as_graph(g) for g in couplings], list(couplings.values()))
    assert starts == 36
    if expected:
        assert largest == pytest.approx(expected, rel=1e-6)
    else:
        assert largest > 0


# --- samples


@pytest.mark.parametrize("space", [SquareSpace(4), RectangularSpace(3, 5), MultiMatrixSpace(2, 4)])
def test_moments_of_independent_quartic_entries(space):
    """Even moments by quadrature, and the law of an entry, at every kind of matrices whose entries are independent."""
    family = space.decomposition.family
    graphs = [g for g in multigraphs(4, family) if g.number_of_nodes == 2 and len(set(g.arcs)) == 1]
    graphs = [g for g in graphs if len(set(g.colours)) == 1 and g.arcs[0][0] != g.arcs[0][1]]
    model = InteractingModel.of_couplings(BlockGaussian.white(space, 1.0), dict.fromkeys(graphs, -0.15))
    chains = model.sample_chains(2000, seed=1)
    assert chains.r_hat.max() < 1.05
    entries = chains.draws.reshape(-1, *space.shape)
    effective = chains.effective_sizes.min()
    for power in (2, 4, 6):
        exact, second = moment(power, -0.15), moment(2 * power, -0.15)
        error = np.sqrt((second - exact**2) / (effective * np.prod(space.shape)))
        assert abs((entries**power).mean() - exact) < 4 * error
    grid = np.linspace(-6, 6, 4001)
    density = np.exp(-(grid**2) / 2 - 0.15 * grid**4)
    distribution = np.cumsum(density) / density.sum()
    one = chains.matrices(1000).reshape(1000, -1)[:, 0]
    assert kstest(one, lambda x: np.interp(x, grid, distribution)).pvalue > 1e-3


def test_symmetric_matrices_stay_symmetric():
    space = SymmetricSpace(5, diagonal=False)
    graph = Multigraph([(0, 1)] * 4, directed=False)
    model = InteractingModel.of_couplings(BlockGaussian.white(space, 1.0), {graph: -0.15})
    drawn = model.sample_chains(3000, seed=0).draws.reshape(-1, 5, 5)
    np.testing.assert_allclose(drawn, drawn.swapaxes(1, 2), atol=1e-12)
    np.testing.assert_allclose(np.diagonal(drawn, axis1=1, axis2=2), 0, atol=1e-12)
    # the sum has each entry above the diagonal twice; its variance is half that of a unit vector
    exact = moment(2, -0.3, variance=0.5)
    upper = drawn[:, *np.triu_indices(5, 1)]
    assert np.square(upper).mean() == pytest.approx(exact, rel=0.03)


def test_samples_are_those_of_the_gaussian_without_couplings(generic):
    truth = PIGMM(5, generic(SquareSpace(5), seed=3).parameters)
    model = InteractingModel.of_couplings(truth, {})
    chains = model.sample_chains(4000, seed=0)
    graphs = multigraphs(1) + multigraphs(2) + multigraphs(3)
    values, errors = chains.means(graphs)
    z = (values - truth.expectation(graphs)) / errors
    assert np.abs(z).max() < 4.5
    assert 0.6 < z.std() < 1.5
    assert 0.6 < chains.acceptance < 0.95


@pytest.mark.parametrize("scale", [1.0, 1e-9])
def test_samples_of_a_double_well(scale):
    """exp(x^2 / 2 - x^4 / 4) in every entry: the Gaussian factor is no density, the fit's Gaussian leads the chains."""

    def density(x):
        return np.exp(x**2 / 2 - x**4 / 4)

    exact = quad(lambda x: x**2 * density(x), -9, 9)[0] / quad(density, -9, 9)[0]
    variance = PIGMM.iid(4, exact)
    natural = np.array([*-natural_parameters(PIGMM.iid(4, 1.0)), -0.25])
    degrees = np.array([graph.degree for graph in (*multigraphs(1), *multigraphs(2), as_graph(QUARTIC))])
    gaussian = PIGMM(4, np.r_[variance.parameters[:2] * scale, variance.parameters[2:] * scale**2])
    model = InteractingModel(gaussian, (as_graph(QUARTIC),), natural / scale**degrees, np.zeros((14, 14)), 0)
    assert model.is_normalisable
    chains = model.sample_chains(1000, seed=0)
    assert np.square(chains.draws / scale).mean() == pytest.approx(exact, rel=0.05)
    with pytest.raises(ValueError, match="must be a density by itself to be a model, got one that grows in V_0"):
        _ = model.base


def test_chains_that_do_not_mix_are_told():
    """Two deep wells of the trace: chains stay where they begin."""
    couplings = (as_graph("(tr M)^4"), as_graph(QUARTIC))
    natural = np.array([*natural_parameters(PIGMM.iid(4, 1.0)), -0.05, -0.001])
    natural[[graph.label for graph in (*multigraphs(1), *multigraphs(2))].index("00 11")] += 3.0
    wide = PIGMM(4, [0, 0, 1, 0, 10, 1, 0, 0, 1, 0, 1, 1, 1])
    model = InteractingModel(wide, couplings, natural, np.zeros((15, 15)), 0)
    with pytest.warns(UserWarning, match="the chains have not mixed: R-hat of '.*' is"):
        chains = model.sample_chains(800, seed=0)
    assert chains.r_hat["00"] > 1.1


def test_the_same_seed_gives_the_same_bits():
    model = iid_with({QUARTIC: -0.1})
    first = model.sample(20, seed=5)
    np.testing.assert_array_equal(first, model.sample(20, seed=np.random.default_rng(5)))
    other = model.sample_chains(20, seed=6)
    assert not np.array_equal(first, other.matrices(20))
    assert other.matrices(0).shape == (0, 4, 4)
    with pytest.raises(ValueError, match="count must be an integer of at least 0, got -1"):
        model.sample(-1)


def test_a_bar_begins_when_it_takes_long(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")  # to rich this is a terminal
    with patient_bar("sampling", 2) as advance:
        advance()
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(progress, "_SECONDS_BEFORE", -1.0)
    with patient_bar("sampling", 2) as advance:
        advance()
    assert "sampling" in capsys.readouterr().err


def test_mixing_of_chains_that_are_known():
    """Autoregressive chains of correlation r are worth (1 - r) / (1 + r) of their draws; R-hat sees what differs."""
    rng = np.random.default_rng(0)
    draws, chains = 4000, 8
    for correlation in (0.0, 0.5, 0.9, -0.4):
        noise, x = rng.normal(size=(draws, chains)), np.empty((draws, chains))
        x[0] = noise[0]
        for k in range(1, draws):
            x[k] = correlation * x[k - 1] + np.sqrt(1 - correlation**2) * noise[k]
        expected = draws * chains * (1 - correlation) / (1 + correlation)
        assert effective_sizes(x[..., None])[0] == pytest.approx(expected, rel=0.12)
        assert r_hat(x[..., None])[0] < 1.02
    wide = x * np.where(np.arange(chains) < 4, 1, 3)  # means agree, spreads do not
    drifting = x + np.linspace(0, 3, draws)[:, None]
    assert r_hat(np.stack([wide, drifting], axis=-1)).min() > 1.1
    constant = np.ones((100, 4, 1))
    assert np.isnan(effective_sizes(constant)).all()


# --- expectation values


@pytest.mark.parametrize("thoroughly", [False, pytest.param(True, marks=pytest.mark.thorough)])
def test_first_order_of_one_normal_number(thoroughly):
    """Entries of variance v and zero mean: He4 alone shifts x^4 by 24 v^4 theta, x^6 by 15 v times that."""
    v, size, theta = 0.7, 5, 0.01
    gaussian = PIGMM.iid(size, v)
    powers = [Multigraph([(0, 1)] * k) for k in (3, 4, 6)][: 3 if thoroughly else 2]
    found = residual_covariances(gaussian, powers, [as_graph(QUARTIC)])[:, 0] * theta
    expected = np.array([0, factorial(4) * v**4, 15 * v * factorial(4) * v**4])[: len(powers)] * size**2 * theta
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("space", [SquareSpace(4), RectangularSpace(3, 4), SymmetricSpace(4)])
def test_first_order_by_simulation(space, generic):
    gaussian = generic(space, seed=2)
    family = space.decomposition.family
    couplings = [multigraphs(3, family)[0], multigraphs(4, family)[1]]
    graphs = [*multigraphs(3, family)[:4], *multigraphs(4, family)[:3], *multigraphs(2, family)[:2]]
    theta = np.array([0.3, -0.1])
    exact = residual_covariances(gaussian, graphs, couplings) @ theta
    found, errors = simulated_shift(gaussian, graphs, couplings, theta, 40_000, seed=0)
    np.testing.assert_allclose(exact[-2:], 0, atol=1e-9 * np.abs(exact).max())  # the fit has the quadratic ones
    z = (found - exact)[:-2] / errors[:-2]
    assert np.abs(z).max() < 4.5


def test_predictions_to_first_order_and_sampled_agree_with_what_is_measured():
    """A weak interaction, fitted to degrees up to 4, predicts invariants of degree 5 and 6 that it never saw."""
    truth = iid_with({GRAM: -0.004, "sum M_ij^3": 0.02})
    matrices = truth.sample(5000, seed=0)
    model = InteractingModel.fit(matrices, [GRAM, "sum M_ij^3"])
    graphs = [as_graph("01 01 01 01 01"), as_graph("01 01 01 01 01 01"), as_graph("01 01 02 02 03 03"), as_graph(GRAM)]
    values = evaluate(matrices, graphs)
    measured, error = values.mean(axis=0), values.std(axis=0) / np.sqrt(len(values))
    sampled = model.predictions(graphs, "sampled", count=5000, seed=3)
    total = np.hypot(error, sampled.standard_error)
    assert np.abs((sampled.predicted - measured) / total).max() < 4
    simulated = model.predictions(graphs, "first order simulated", count=20_000)
    missed = np.abs(measured - model.gaussian.expectation(graphs))
    assert (missed > 4 * error).any()
    total = np.hypot(error, simulated.standard_error)
    assert (np.abs(simulated.predicted - measured) < np.maximum(0.5 * missed, 4 * total)).all()
    first = model.predictions([QUARTIC])
    assert first.standard_error.item() == 0
    np.testing.assert_array_equal(model.expectation([QUARTIC]), first.predicted)
    again = model.predictions([QUARTIC], "first order simulated", count=20_000)
    assert abs(again.predicted.item() - first.predicted.item()) < 4 * again.standard_error.item()


@pytest.mark.parametrize(
    ("fitted", "ensembles"),
    [(True, 5), *(pytest.param(fitted, 40, marks=pytest.mark.thorough) for fitted in (True, False))],
)
def test_comparisons_are_calibrated(fitted, ensembles, quartic_entries):
    """z of invariants of degree 2 to 6 over ensembles of the model: standard normal, for matrices fitted or others."""
    graphs = ["01 01", "01 01 01 01", "01 01 01 01 01 01", "01 01 02 02 03 03", "01 01 01 02 02", "01 01 21 21"]
    z = []
    for seed in range(ensembles):
        matrices = quartic_entries(600, (4, 4), seed=(7, seed))
        model = InteractingModel.fit(matrices[:300], [QUARTIC])
        compared = matrices[:300] if fitted else matrices[300:]
        z.append(compare_interacting(model, compared, graphs, fitted=fitted, count=1000, seed=seed).z)
    squares = np.square(z).sum(axis=0)
    low, high = chi2.ppf([1e-4, 1 - 1e-4], ensembles)
    assert (squares > low).all()
    assert (squares < high).all()


def test_comparisons_see_what_the_model_lacks():
    truth = iid_with({GRAM: -0.02, "sum M_ij^3": 0.1, QUARTIC: -0.02})
    matrices = truth.sample(2000, seed=0)
    lacking = InteractingModel.fit(matrices, [GRAM])
    assert lacking.is_normalisable
    found = compare_interacting(lacking, matrices, ["sum M_ij^3", "01 01 01 01 01", GRAM], count=2000)
    assert np.abs(found.z[:2]).min() > 5
    assert found.q_value[0] < 1e-3
    with pytest.raises(ValueError, match="model must be the fit of these matrices"):
        compare_interacting(lacking, matrices[1:], [GRAM])
    with pytest.raises(ValueError, match="must be at least 2"):
        compare_interacting(lacking, matrices[:1], [GRAM], fitted=False)


def test_expectations_that_are_refused():
    model = iid_with({QUARTIC: -0.1})
    with pytest.raises(ValueError, match=r"method must be one of 'first order', .* got 'exact'"):
        model.expectation([QUARTIC], "exact")
    with pytest.raises(ValueError, match="method must be 'sampled' for a model that was not fitted"):
        model.expectation([QUARTIC])
    with pytest.raises(ValueError, match="count must be an integer of at least 100, got 3"):
        model.expectation([QUARTIC], "sampled", count=3)


# --- the model as a value


def test_natural_parameters_are_the_logarithm_of_the_density(generic):
    for space in (SquareSpace(5), RectangularSpace(3, 5), SymmetricSpace(5), MultiMatrixSpace(2, 4)):
        gaussian = generic(space, seed=1)
        matrices = gaussian.sample(6, seed=2)
        model = InteractingModel.of_couplings(gaussian, {})
        difference = model.log_density(matrices) - gaussian.log_prob(matrices)
        np.testing.assert_allclose(difference, difference[0], rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(model.base.parameters, gaussian.parameters, rtol=1e-9, atol=1e-9)


def test_files(tmp_path):
    matrices = np.random.default_rng(0).standard_t(9, size=(300, 4, 4))
    model = InteractingModel.fit(matrices, [QUARTIC, "sum M_ij^3"])
    model.save(tmp_path / "model.json")
    other = InteractingModel.load(tmp_path / "model.json")
    np.testing.assert_array_equal(other.natural, model.natural)
    np.testing.assert_array_equal(other.covariance, model.covariance)
    assert (other.graphs, other.gaussian, other.count) == (model.graphs, model.gaussian, 300)
    content = json.loads((tmp_path / "model.json").read_text())
    for change in (
        {"natural": content["natural"][1:]},
        {"natural": [float("nan"), *content["natural"][1:]]},
        {"covariance": content["covariance"][1:]},
        {"graphs": ["01"]},
        {"count": -1},
    ):
        (tmp_path / "other.json").write_text(json.dumps({**content, **change}))
        with pytest.raises(ValueError, match="must be an interacting model written by pigmm"):
            InteractingModel.load(tmp_path / "other.json")


def test_what_is_shown():
    matrices = np.random.default_rng(0).standard_t(9, size=(300, 4, 4))
    model = InteractingModel.fit(matrices, [QUARTIC])
    assert repr(model).startswith("InteractingModel(SquareSpace(size=4), {'01 01 01 01': 0.0")
    table = model.to_frame()
    assert table.index[-1] == "01 01 01 01"
    assert list(table.columns) == ["name", "formula", "degree", "coupling", "standard_error", "z"]
    assert table.coupling.iloc[-1] == model.couplings.item()
    assert table.standard_error.iloc[-1] == model.standard_errors.item()
    assert model.summary().splitlines()[0].startswith("InteractingModel on SquareSpace(size=4), fitted to 300 matrices")
    assert "<table" in model._repr_html_()
    chains = iid_with({QUARTIC: -0.1}).sample_chains(100, seed=0)
    assert list(chains.to_frame().columns) == ["mean", "standard_error", "r_hat", "effective_size"]
    assert "chains of 100 draws" in repr(chains)


def test_couplings_that_are_refused():
    with pytest.raises(ValueError, match="couplings must be finite numbers"):
        iid_with({QUARTIC: np.inf})
    with pytest.raises(ValueError, match="given the trivial components"):
        InteractingModel.of_couplings(PIGMM.iid(4, 1.0).given_those_of(np.ones((1, 4, 4))), {QUARTIC: -0.1})
    with pytest.raises(AttributeError):
        iid_with({QUARTIC: -0.1}).count = 3
    with pytest.raises(ValueError, match="read-only"):
        iid_with({QUARTIC: -0.1}).natural[0] = 1.0
