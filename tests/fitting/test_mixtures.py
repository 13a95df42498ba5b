"""Mixtures of Gaussian models: against dense densities, planted kinds, and the size of the test of their number."""

import itertools
import pickle

import numpy as np
import pytest
import scipy.stats

from pigmm.fitting import (
    PIGMM,
    BlockGaussian,
    MixtureModel,
    MultiMatrixSpace,
    RectangularSpace,
    SquareSpace,
    SymmetricSpace,
    number_of_components,
)
from pigmm.fitting.mixtures.expectation_maximisation import fit_mixture, maximised
from pigmm.fitting.mixtures.moments_of_each import moments_of_each, whitened_moments
from pigmm.fitting.mixtures.number_of_components import drawn_moments
from pigmm.invariants import evaluate, multigraphs

SPACES = [SquareSpace(5), RectangularSpace(3, 5), SymmetricSpace(5), MultiMatrixSpace(2, 7)]


def dense_log_density(model, matrices):
    """The density of a model on full matrices by its dense covariance."""
    size = matrices[0].size
    return scipy.stats.multivariate_normal(model.mean.ravel(), model.covariance.reshape(size, size)).logpdf(
        matrices.reshape(-1, size)
    )


def by_differences(function, matrices, step=1e-4):
    """Half the squared gradient and the Laplacian of a function of matrices, by central differences."""
    flat = matrices.reshape(len(matrices), -1)
    middle, gradient, laplacian = function(matrices), np.zeros_like(flat), 0.0
    for entry in range(flat.shape[1]):
        shift = np.zeros(flat.shape[1])
        shift[entry] = step
        above, below = (function((flat + sign * shift).reshape(matrices.shape)) for sign in (1, -1))
        gradient[:, entry] = (above - below) / (2 * step)
        laplacian = laplacian + (above + below - 2 * middle) / step**2
    return 0.5 * np.square(gradient).sum(axis=1) + laplacian


@pytest.fixture
def two_kinds(generic):
    """A mixture of two generic models of 5 x 5 matrices that overlap."""
    first, second = generic(SquareSpace(5), 0), generic(SquareSpace(5), 1)
    return MixtureModel([0.7, 0.3], [PIGMM(5, first.parameters), PIGMM(5, second.parameters)])


def test_density_and_responsibilities_are_those_of_dense_gaussians(two_kinds):
    matrices = two_kinds.sample(20, seed=3)
    joint = two_kinds.weights * np.exp([dense_log_density(model, matrices) for model in two_kinds.models]).T
    np.testing.assert_allclose(two_kinds.log_prob(matrices), np.log(joint.sum(axis=1)), rtol=1e-10)
    np.testing.assert_allclose(
        two_kinds.responsibilities(matrices), joint / joint.sum(axis=1, keepdims=True), rtol=1e-8, atol=1e-12
    )


def test_objective_is_that_of_the_density(two_kinds):
    matrices = two_kinds.sample(4, seed=4)
    expected = by_differences(two_kinds.log_prob, matrices)
    np.testing.assert_allclose(two_kinds.objective(matrices), expected, rtol=1e-4)


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_log_density_is_linear_in_the_moments(space, generic):
    model = generic(space, 0)
    matrices = generic(space, 1).sample(400, seed=2)
    design = np.column_stack([moments_of_each(space.project(matrices)), np.ones(400)])
    densities = model.log_prob(matrices)
    coefficients = np.linalg.lstsq(design, densities, rcond=None)[0]
    np.testing.assert_allclose(design @ coefficients, densities, rtol=1e-9)


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_one_component_is_the_gaussian_fit(space, generic):
    matrices = generic(space, 0).sample(60, seed=1)
    mixture = MixtureModel.fit(matrices, components=1, space=space)
    fitted = BlockGaussian.fit(matrices, space)
    np.testing.assert_allclose(mixture.models[0].parameters, fitted.parameters, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(mixture.log_prob(matrices), fitted.log_prob(matrices), rtol=1e-12)


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_every_step_raises_the_shrunk_likelihood(space, generic):
    matrices = np.concatenate([generic(space, k).sample(40, seed=k) for k in range(3)])
    pooled = BlockGaussian.fit(matrices, space)
    moments = whitened_moments(pooled, matrices)

    def shrunk(mixture):
        priors = (
            len(block[0]) * (np.trace(np.linalg.inv(g)) + np.linalg.slogdet(g)[1])
            for block in mixture.covariances
            for g in block
        )
        return mixture.log_likelihood(moments) - 0.5 * sum(priors)

    mixture = maximised(space, moments, np.random.default_rng(0).dirichlet([1, 1, 1], size=len(matrices)))
    values = [shrunk(mixture)]
    for _ in range(20):
        mixture = maximised(space, moments, mixture.expected(moments)[0])
        values.append(shrunk(mixture))
    assert all(later >= earlier - 1e-8 for earlier, later in itertools.pairwise(values))
    assert values[-1] > values[0] + 1


def test_planted_kinds_are_found_with_their_parameters():
    first, second = PIGMM.iid(8, variance=1.0), PIGMM.iid(8, variance=2.25, mean=0.1)
    matrices = np.concatenate([first.sample(900, seed=0), second.sample(300, seed=1)])
    mixture = MixtureModel.fit(matrices, components=2, seed=0)
    assert abs(mixture.weights[1] - 0.25) < 0.03
    found = mixture.responsibilities(matrices).argmax(axis=1)
    assert (found[:900] == 0).mean() > 0.95
    assert (found[900:] == 1).mean() > 0.9
    for model, truth in zip(mixture.models, (first, second), strict=True):
        errors = (model.parameters - truth.parameters) / np.maximum(1, np.abs(truth.parameters))
        assert np.abs(errors).max() < 0.35
        assert np.abs(errors[-2:]).max() < 0.03


def test_a_single_matrix_far_from_all_others_makes_no_infinite_likelihood():
    matrices = PIGMM.iid(5, variance=1.0).sample(50, seed=0)
    matrices[0] *= 100
    mixture = MixtureModel.fit(matrices, components=2)
    assert np.isfinite(mixture.log_prob(matrices)).all()
    assert mixture.responsibilities(matrices)[:, 1].round(6).tolist() == [1.0] + [0.0] * 49


def test_groups_that_are_known_are_fitted_by_themselves():
    groups = {"dead": PIGMM.iid(5, 0.1).sample(10, seed=0), "alive": PIGMM.iid(5, 1.0).sample(30, seed=1)}
    labels = ["dead"] * 10 + ["alive"] * 30
    mixture = MixtureModel.fit(np.concatenate(list(groups.values())), labels=labels)
    assert mixture.weights.tolist() == [0.75, 0.25]
    assert mixture.models[0] == PIGMM.fit(groups["alive"])
    assert mixture.models[1] == PIGMM.fit(groups["dead"])
    with pytest.raises(ValueError, match=r"^group dead of labels: matrices must be at least 3 for a fit, got 2"):
        MixtureModel.fit(PIGMM.iid(5, 1.0).sample(12, seed=0), labels=["dead"] * 2 + ["alive"] * 10)


def test_means_of_invariants_and_samples(two_kinds):
    graphs = [graph for degree in (1, 2, 3) for graph in multigraphs(degree)]
    values = evaluate(two_kinds.sample(100_000, seed=0), graphs)
    z = (values.mean(axis=0) - two_kinds.expectation(graphs)) / (values.std(axis=0) / np.sqrt(len(values)))
    assert np.sqrt(np.square(z).mean()) < 1.5
    assert np.abs(z).max() < 4.5


def test_drawn_moments_have_the_law_of_those_of_matrices(two_kinds):
    matrices = two_kinds.sample(4000, seed=0)
    pooled = PIGMM.fit(matrices)
    moments = whitened_moments(pooled, matrices)
    white = fit_mixture(pooled.space, moments, 2, 4, 0)
    drawn = drawn_moments(white, 4000, np.random.default_rng(1))
    p_values = [scipy.stats.ks_2samp(a, b).pvalue for a, b in zip(moments.T, drawn.T, strict=True)]
    assert min(p_values) > 1e-4


def test_same_seed_same_mixture_and_files_and_pickles_keep_every_digit(two_kinds, tmp_path):
    matrices = two_kinds.sample(200, seed=0)
    fits = [MixtureModel.fit(matrices, 2, seed=5) for _ in range(2)]
    np.testing.assert_array_equal(fits[0].to_frame(), fits[1].to_frame())
    fits[0].save(tmp_path / "mixture.json")
    for copy in (MixtureModel.load(tmp_path / "mixture.json"), pickle.loads(pickle.dumps(fits[0]))):
        np.testing.assert_array_equal(copy.log_prob(matrices), fits[0].log_prob(matrices))
    assert "Mixture of 2 Gaussian models" in fits[0].summary()
    assert "<table" in fits[0]._repr_html_()


def test_the_number_of_kinds_is_found():
    models = (PIGMM.iid(6, 1.0), PIGMM.iid(6, 3.0))
    matrices = np.concatenate([model.sample(100, seed=k) for k, model in enumerate(models)])
    table = number_of_components(matrices, replicates=19)
    assert table.index.tolist() == [1, 2, 3]
    assert table.p_bootstrap[2] == 0.05
    assert table.p_bootstrap[3] > 0.05
    assert table.bic.idxmin() == 2
    one = MixtureModel.fit(matrices, 1)
    assert table.bic[1] == pytest.approx(one.bic(matrices), rel=1e-12)


@pytest.mark.parametrize("ensembles", [20, pytest.param(500, marks=pytest.mark.thorough)])
def test_size_of_the_test_of_one_kind_against_two(ensembles):
    model = PIGMM.iid(5, variance=1.0)
    rejected = 0
    for seed in range(ensembles):
        matrices = model.sample(60, seed=seed)
        rejected += number_of_components(matrices, most=2, replicates=19, starts=2, seed=seed).p_bootstrap[2] <= 0.05
    assert scipy.stats.binomtest(int(rejected), ensembles, 0.05).pvalue > 1e-3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: MixtureModel.fit(m, 0), "components must be an integer of at least 1, got 0"),
        (lambda m: MixtureModel.fit(m, 11), "components must be at most the number of matrices, 10, got 11"),
        (lambda m: MixtureModel.fit(m[0]), r"matrices must be of shape \(n, rows, columns\), got \(5, 5\)"),
        (lambda m: MixtureModel.fit(m, labels=[1, 2]), r"labels must be one for each of 10 matrices, got shape \(2,\)"),
        (lambda m: MixtureModel.fit(m * 0), "matrices must vary in every irrep"),
        (lambda m: MixtureModel([0.5], [PIGMM.iid(5, 1.0)]), "weights must be positive and of sum 1"),
        (
            lambda m: MixtureModel([0.5, 0.5], [PIGMM.iid(5, 1.0), PIGMM.iid(6, 1.0)]),
            "models must be of one space",
        ),
        (lambda m: number_of_components(m, most=11), "most must be at most the number of matrices"),
        (lambda m: number_of_components(m, replicates=5), "replicates must be an integer of at least 19, got 5"),
    ],
)
def test_bad_input(call, message):
    matrices = PIGMM.iid(5, 1.0).sample(10, seed=0)
    with pytest.raises(ValueError, match=f"^{message}"):
        call(matrices)
