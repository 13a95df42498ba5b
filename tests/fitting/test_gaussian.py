"""The Gaussian model: fits, samples, densities, against dense formulas and independent values."""

import copy
from math import sqrt

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
import sympy

from pigmm.fitting import (
    PIGMM,
    BlockGaussian,
    MultiMatrixSpace,
    RectangularSpace,
    SeveralSpace,
    SquareSpace,
    SymmetricSpace,
    compare,
    kl_divergence,
    wasserstein_distance_squared,
)
from pigmm.fitting.model import sufficient_statistics
from pigmm.invariants import Multigraph, evaluate, multigraphs


def test_golden_fits(golden):
    for case in golden("fits")["cases"]:
        model = PIGMM.fit(np.array(case["matrices"]))
        np.testing.assert_allclose(model.parameters, case["parameters"], rtol=0, atol=1e-10)


def test_whitened_matrices_have_the_fit_of_white_noise(random_model):
    model = random_model(5, seed=1)
    matrices = model.sample(20, seed=2)
    white = PIGMM.fit(matrices).whiten(matrices)
    np.testing.assert_allclose(PIGMM.fit(white).parameters, PIGMM.iid(5, 1.0).parameters, atol=1e-12)
    np.testing.assert_allclose(model.colour(model.whiten(matrices)), matrices, atol=1e-12)
    noise = np.random.default_rng(2).standard_normal((20, 5, 5))
    np.testing.assert_array_equal(model.colour(noise), matrices)


@pytest.mark.parametrize("size", [4, 5, 6])
def test_density_is_the_dense_normal_density(size, random_model):
    model = random_model(size, seed=size)
    matrices = np.random.default_rng(size).normal(size=(20, size, size))
    dense = scipy.stats.multivariate_normal(model.mean.ravel(), model.covariance.reshape(size**2, size**2))
    np.testing.assert_allclose(model.log_prob(matrices), dense.logpdf(matrices.reshape(20, -1)), rtol=1e-10)
    assert model.entropy() == pytest.approx(dense.entropy(), rel=1e-10)


def coordinates(space, matrices):
    """Orthonormal coordinates of matrices in their space: all entries, or those above the diagonal times sqrt 2."""
    if not isinstance(space, SymmetricSpace):
        return matrices.reshape(len(matrices), -1)
    upper = sqrt(2) * matrices[:, *np.triu_indices(space.size, 1)]
    diagonal = np.diagonal(matrices, axis1=1, axis2=2)
    return np.concatenate([diagonal, upper], axis=1) if space.diagonal else upper


def dense(model):
    """Mean and covariance in orthonormal coordinates, from the exact tensors of the decomposition."""
    shape = model.space.shape
    entries = np.eye(int(np.prod(shape))).reshape(-1, *shape)
    inside = coordinates(model.space, model.space.assemble(model.space.project(entries)))  # (entries, count)
    covariance = model.covariance.reshape(len(entries), len(entries))
    return coordinates(model.space, model.mean[None])[0], inside.T @ covariance @ inside


GOOD = [0, 0, 1, 0, 1, 1, 0, 0, 1, 0, 1, 1, 1]

SPACES = [
    SquareSpace(4),
    RectangularSpace(3, 5),
    SymmetricSpace(4),
    SymmetricSpace(5, diagonal=False),
    MultiMatrixSpace(2, 4),
]


@pytest.mark.parametrize("space", SPACES)
def test_density_entropy_and_distances_on_every_space(space, generic):
    p, q = generic(space, seed=1), generic(space, seed=2)
    (mean_p, cov_p), (mean_q, cov_q) = dense(p), dense(q)
    matrices = p.sample(6, seed=3)
    normal = scipy.stats.multivariate_normal(mean_p, cov_p)
    np.testing.assert_allclose(p.log_prob(matrices), normal.logpdf(coordinates(space, matrices)), rtol=1e-9)
    assert p.entropy() == pytest.approx(normal.entropy(), rel=1e-9)
    shift, ratio = mean_p - mean_q, np.linalg.solve(cov_q, cov_p)
    kl = np.trace(ratio) - len(ratio) - np.linalg.slogdet(ratio)[1] + shift @ np.linalg.solve(cov_q, shift)
    assert kl_divergence(p, q) == pytest.approx(kl / 2, rel=1e-9)
    root = scipy.linalg.sqrtm(cov_p).real
    bures = np.trace(cov_p + cov_q - 2 * scipy.linalg.sqrtm(root @ cov_q @ root).real)
    assert wasserstein_distance_squared(p, q) == pytest.approx(shift @ shift + bures, rel=1e-8)


def test_fits_in_chunks_are_the_same(random_model, monkeypatch):
    matrices = random_model(5, seed=4).sample(50, seed=4)
    expected = PIGMM.fit(matrices).parameters
    monkeypatch.setattr(sufficient_statistics, "_CHUNK_ENTRIES", 7 * 25)
    np.testing.assert_allclose(PIGMM.fit(matrices).parameters, expected, rtol=1e-12, atol=1e-14)


def test_matrices_outside_the_space_are_refused():
    symmetric, hollow = SymmetricSpace(4), SymmetricSpace(4, diagonal=False)
    matrices = np.random.default_rng(0).normal(size=(20, 4, 4))
    with pytest.raises(ValueError, match="symmetric"):
        BlockGaussian.fit(matrices, symmetric)
    mirrored = matrices + matrices.swapaxes(1, 2)
    assert len(BlockGaussian.fit(mirrored, symmetric).parameters) == 9
    with pytest.raises(ValueError, match="zero diagonal"):
        BlockGaussian.fit(mirrored, hollow)
    assert len(BlockGaussian.fit(mirrored * (1 - np.eye(4)), hollow).parameters) == 4


@pytest.mark.parametrize("scale", [1e-140, 1e-8, 1e8, 1e140])
def test_fits_at_any_scale(scale, random_model):
    matrices = random_model(5, seed=4).sample(50, seed=4)
    theta = PIGMM.fit(matrices).parameters
    scaled = PIGMM.fit(scale * matrices).parameters
    np.testing.assert_allclose(scaled[:2], scale * theta[:2], rtol=1e-9)
    np.testing.assert_allclose(scaled[2:] / scale, scale * theta[2:], rtol=1e-9)


def test_dependent_entries_are_noticed_in_float32_too():
    """Rows that sum to one, as attention matrices, have no variance of their row sums."""
    rng = np.random.default_rng(0)
    for dtype in (np.float32, np.float64):
        matrices = rng.uniform(size=(100, 6, 6)).astype(dtype)
        matrices /= matrices.sum(axis=2, keepdims=True)
        with pytest.raises(ValueError, match="vary in every irrep"):
            PIGMM.fit(matrices)


def test_equal_models_have_equal_hashes_and_stay_frozen(random_model):
    zero, negative = PIGMM(5, [0.0, *GOOD[1:]]), PIGMM(5, [-0.0, *GOOD[1:]])
    assert zero == negative
    assert hash(zero) == hash(negative)
    copied = copy.deepcopy(random_model(5, seed=1))
    assert copied == random_model(5, seed=1)
    assert not copied.parameters.flags.writeable


@pytest.mark.parametrize("size", [5.7, "5", 3, sympy.Symbol("N"), True])
def test_sizes_must_be_integers(size):
    with pytest.raises(ValueError, match="size must be an integer of at least 4"):
        PIGMM(size, GOOD)
    with pytest.raises(ValueError, match="size must be an integer of at least 4"):
        PIGMM.iid(size, variance=1.0)


def test_graphs_of_other_matrices_are_refused(random_model):
    model = random_model(5, seed=1)
    matrices = model.sample(5, seed=1)
    for graph in (
        Multigraph([(0, 1)], kinds=[0, 1]),
        Multigraph([(0, 1)], directed=False),
        Multigraph([(0, 1)], colours=[1]),
    ):
        with pytest.raises(ValueError, match="graph must be one of square matrices"):
            model.expectation([graph])
        with pytest.raises(ValueError, match="graph must be one of square matrices"):
            compare(model, matrices, [graph])
    with pytest.raises(ValueError, match="several Multigraphs"):
        model.expectation(Multigraph([(0, 0)]))


def test_covariance_eigenvalues_are_those_of_the_blocks(random_model):
    model = random_model(6, seed=1)
    expected = np.sort(
        np.concatenate(
            [np.repeat(np.linalg.eigvalsh(c), d) for c, d in zip(model.covariances, model.dimensions, strict=True)]
        )
    )
    np.testing.assert_allclose(np.linalg.eigvalsh(model.covariance.reshape(36, 36)), expected, rtol=1e-10)


def test_averages_of_200000_samples(random_model):
    model = random_model(5, seed=2)
    graphs = multigraphs(1) + multigraphs(2)
    values = evaluate(model.sample(200_000, seed=1), graphs)
    z = (values.mean(axis=0) - model.expectation(graphs)) / (values.std(axis=0) / sqrt(200_000))
    assert np.abs(z).max() < 5


@pytest.mark.parametrize("size", [4, 10])
def test_parameters_are_recovered_within_sampling_error(size, random_model):
    """The exact law: means N(mu, G_0/n), covariances Wishart, so sd(G_xy) = sqrt((G_xx G_yy + G_xy^2) / (n dim))."""
    model, count = random_model(size, seed=size), 4000
    fitted = PIGMM.fit(model.sample(count, seed=7))
    errors = np.sqrt(np.diag(model.covariances[0]) / count).tolist()
    for covariance, dimension in zip(model.covariances, model.dimensions, strict=True):
        variances = np.outer(np.diag(covariance), np.diag(covariance)) + covariance**2
        errors += np.sqrt(variances / (count * dimension))[np.triu_indices(len(covariance))].tolist()
    assert np.abs((fitted.parameters - model.parameters) / errors).max() < 4.5


def test_rectangular_parameters_are_recovered():
    """The shape of a first layer with its five parameters."""
    model = BlockGaussian(RectangularSpace(10, 784), [0.5, 2.0, 0.3, 1.2, 0.7])
    fitted = BlockGaussian.fit(model.sample(400, seed=3))
    errors = [sqrt(model.parameters[1] / 400)]
    errors += [g * sqrt(2 / (400 * d)) for g, d in zip(model.parameters[1:], model.dimensions, strict=True)]
    assert fitted.names == ("mu", "G00", "G0H", "GH0", "GHH")
    assert np.abs((fitted.parameters - model.parameters) / errors).max() < 4.5


def test_the_fit_is_the_maximum_of_the_likelihood(random_model):
    matrices = random_model(4, seed=9).sample(50, seed=9)
    model = PIGMM.fit(matrices)
    best = model.log_prob(matrices).sum()
    rng = np.random.default_rng(0)
    for _ in range(50):
        nearby = PIGMM(4, model.parameters + 1e-3 * rng.normal(size=13))
        assert nearby.log_prob(matrices).sum() < best


def test_the_fit_matches_the_thirteen_averages(random_model):
    matrices = random_model(5, seed=6).sample(30, seed=6)
    graphs = multigraphs(1) + multigraphs(2)
    averages = evaluate(matrices, graphs).mean(axis=0)
    np.testing.assert_allclose(PIGMM.fit(matrices).expectation(graphs), averages, rtol=1e-10, atol=1e-10)


def test_transposing_and_shifting_matrices(random_model):
    """The equivariances of the estimate: transposition, and M -> a M + b J + c I."""
    matrices = random_model(6, seed=3).sample(40, seed=0)
    theta = PIGMM.fit(matrices).parameters
    turned = PIGMM.fit(matrices.swapaxes(1, 2)).parameters
    np.testing.assert_allclose(turned, theta[[0, 1, 2, 3, 4, 8, 6, 9, 5, 7, 10, 11, 12]], atol=1e-12)
    a, b, c = 1.7, -0.4, 2.2
    moved = PIGMM.fit(a * matrices + b + c * np.eye(6)).parameters
    expected = np.concatenate([[a * theta[0] + 6 * b + c, a * theta[1] + c * sqrt(5)], a**2 * theta[2:]])
    np.testing.assert_allclose(moved, expected, atol=1e-12)


def test_influence_is_the_derivative_of_the_fit(random_model):
    matrices = random_model(5, seed=8).sample(60, seed=4)
    model = PIGMM.fit(matrices)
    influence = model.influence(matrices)
    np.testing.assert_allclose(influence.mean(axis=0), 0, atol=1e-12)
    # jackknife: leaving matrix k out moves the estimate by -influence_k / (n - 1), to leading order
    moved = PIGMM.fit(np.delete(matrices, 3, axis=0)).parameters - model.parameters
    np.testing.assert_allclose(moved, -influence[3] / 59, rtol=0.2, atol=0.02 * np.abs(influence[3]).max() / 59)


def test_same_seed_same_samples(random_model):
    model = random_model(5, seed=1)
    np.testing.assert_array_equal(model.sample(3, seed=5), model.sample(3, seed=5))
    assert not np.array_equal(model.sample(3, seed=5), model.sample(3, seed=6))


def test_models_are_values(random_model, tmp_path):
    model = random_model(5, seed=1)
    assert model == PIGMM(5, model.parameters)
    assert hash(model) == hash(PIGMM(5, model.parameters))
    assert model != PIGMM(6, model.parameters)
    with pytest.raises(ValueError, match="read-only"):
        model.parameters[0] = 1.0
    model.save(tmp_path / "model.json")
    assert PIGMM.load(tmp_path / "model.json") == model
    rectangular = BlockGaussian(RectangularSpace(3, 3), np.ones(5))
    rectangular.save(tmp_path / "rectangular.json")
    assert BlockGaussian.load(tmp_path / "rectangular.json") == rectangular
    with pytest.raises(ValueError, match="square"):
        PIGMM.load(tmp_path / "rectangular.json")
    (tmp_path / "broken.json").write_text('{"rows": 5')
    with pytest.raises(ValueError, match=r"broken\.json must be a model"):
        PIGMM.load(tmp_path / "broken.json")


@pytest.mark.parametrize(
    ("size", "changes", "message"),
    [
        (3, {}, "at least 4"),
        (5, {3: 1.0}, "V_0"),
        (5, {5: -1.0}, "V_H"),
        (5, {6: 0.8, 7: 0.8, 9: -0.8}, "V_H"),
        (5, {11: 0.0}, "V_2"),
        (5, {12: -1e-9}, "V_3"),
        (5, {0: np.nan}, "finite"),
    ],
)
def test_bad_parameters_name_the_block(size, changes, message):
    parameters = [changes.get(k, value) for k, value in enumerate(GOOD)]
    with pytest.raises(ValueError, match=message):
        PIGMM(size, parameters)


@pytest.mark.parametrize(
    ("matrices", "message"),
    [
        (np.ones((5, 4, 3)), "square"),
        (np.ones((5, 3, 3)), "at least 4"),
        (np.random.default_rng(0).normal(size=(2, 4, 4)), "at least 3"),
        (np.full((5, 4, 4), np.nan), "NaN"),
        (np.ones((4, 4)), "n, rows, columns"),
        (np.ones((5, 4, 4)), "vary in every irrep"),
        (np.zeros((5, 4, 4)), "vary in every irrep"),
    ],
)
def test_bad_matrices_for_a_fit(matrices, message):
    with pytest.raises(ValueError, match=message):
        PIGMM.fit(matrices)


def test_symmetric_matrices_are_recognised():
    matrices = np.random.default_rng(0).normal(size=(50, 6, 6))
    with pytest.raises(ValueError, match=r"V_(3|H)"):
        PIGMM.fit(matrices + matrices.swapaxes(1, 2))


def test_coarse_entries_with_a_mean_are_refused_for_what_they_are():
    matrices = np.random.default_rng(0).normal(size=(50, 6, 6)) + 30
    for dtype in (np.float16, np.float64):
        coarse = matrices.astype(np.float16).astype(dtype)
        if dtype == np.float64:
            PIGMM.fit(coarse)
            continue
        with pytest.raises(ValueError, match=r"rounding of float16: 9\.8e-04\); .* give the matrices as float64$"):
            PIGMM.fit(coarse)
    with pytest.raises(ValueError, match=r"V_3 \(rounding of float64.*symmetric matrices need SymmetricSpace$"):
        PIGMM.fit(matrices + matrices.swapaxes(1, 2))
    with pytest.raises(ValueError, match="all the same up to rounding"):
        PIGMM.fit(np.ones((5, 6, 6)))


def test_wrong_number_of_parameters():
    with pytest.raises(ValueError, match="13 real numbers"):
        PIGMM(5, [1.0] * 12)
    with pytest.raises(ValueError, match="count must be an integer of at least 0"):
        PIGMM(5, GOOD).sample(-1)
    with pytest.raises(ValueError, match=r"shape \(n, 5, 5\)"):
        PIGMM(5, GOOD).log_prob(np.ones((3, 4, 4)))
    with pytest.raises(ValueError, match=r"shape \(n, 5, 5\)"):
        BlockGaussian.fit(np.ones((3, 4, 4)), SquareSpace(5))


def test_parameters_by_name_and_as_a_table(random_model):
    model = random_model(5, seed=1)
    assert [model[name] for name in model.names] == model.parameters.tolist()
    assert model.to_frame()["value"].to_dict() == dict(zip(model.names, model.parameters.tolist(), strict=True))
    assert "<td>" in model._repr_html_()
    heading, *rows = model.summary().splitlines()
    assert heading == "PIGMM on SquareSpace(size=5)"
    assert [row.split()[0] for row in rows[2:]] == list(model.names)
    with pytest.raises(KeyError, match=r"name must be one of mu_1, .*, got 'mu_3'"):
        model["mu_3"]


def test_the_earlier_name_of_several_matrices_is_read(generic, tmp_path):
    model = generic(MultiMatrixSpace(2, 4), seed=0)
    model.save(tmp_path / "model.json")
    text = (tmp_path / "model.json").read_text()
    assert '"kind": "MultiMatrixSpace"' in text
    (tmp_path / "model.json").write_text(text.replace("MultiMatrixSpace", "SeveralSpace"))
    assert BlockGaussian.load(tmp_path / "model.json") == model
    assert SeveralSpace is MultiMatrixSpace


@pytest.mark.parametrize("space", SPACES)
def test_white_models_are_one_variance_in_all_directions(space):
    model = BlockGaussian.white(space, 4.0, mean=1.5)
    units = space.assemble(space.project(np.eye(model.mean.size).reshape(-1, *space.shape)))  # the projector
    np.testing.assert_allclose(model.covariance.reshape(len(units), -1), 4 * units.reshape(len(units), -1), atol=1e-12)
    inside = space.assemble(space.project(np.full(space.shape, 1.5)))
    np.testing.assert_allclose(model.mean, inside, atol=1e-12)
    with pytest.raises(ValueError, match="variance must be positive, got 0"):
        BlockGaussian.white(space, 0)


def test_names_of_spaces_are_refused():
    matrices = PIGMM.iid(4, variance=1.0).sample(20, seed=0)
    with pytest.raises(ValueError, match="space must be a MatrixSpace, such as SquareSpace"):
        PIGMM.fit(matrices, "square")
