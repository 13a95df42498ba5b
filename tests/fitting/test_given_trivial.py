"""The law given the trivial components: fits of one matrix and of several, against dense conditional laws."""

import copy
import pickle

import numpy as np
import pytest
import scipy.stats

from pigmm.fitting import (
    PIGMM,
    BlockGaussian,
    MultiMatrixSpace,
    RectangularSpace,
    SquareSpace,
    SufficientStatistics,
    SymmetricSpace,
)
from pigmm.invariants import evaluate, multigraphs
from pigmm.invariants.reference import expectation_slowly

SPACES = [
    SquareSpace(5),
    RectangularSpace(3, 5),
    SymmetricSpace(5),
    SymmetricSpace(5, diagonal=False),
    MultiMatrixSpace(2, 7),
]


def drawn(space, generic, count, seed):
    """Matrices of a generic model, and the model."""
    model = generic(space, seed)
    return model, model.sample(count, seed + 100)


def trivial_part(model, matrices):
    """The projection of matrices on their trivial components, by the dense projector."""
    parts = model.space.project(matrices)
    return model.space.assemble([parts[0], *(np.zeros_like(part) for part in parts[1:])])


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("space", SPACES)
def test_fit_is_the_second_moments_of_the_other_components(space, count, generic):
    _, matrices = drawn(space, generic, count, seed=1)
    model = BlockGaussian.fit(matrices, space, given_trivial=True)
    parts = space.project(matrices)
    np.testing.assert_allclose(model.given, parts[0][:, :, 0], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(model.means, parts[0][:, :, 0].mean(axis=0), rtol=1e-12, atol=1e-12)
    assert not model.covariances[0].any()
    for part, block, dimension in zip(parts[1:], model.covariances[1:], model.dimensions[1:], strict=True):
        expected = sum(own @ own.T for own in part) / (count * dimension)
        np.testing.assert_allclose(block, expected, rtol=1e-10, atol=1e-12)
    copies = len(model.means)
    unknown = slice(copies, copies + copies * (copies + 1) // 2)
    assert model.unknown == model.names[unknown]
    assert np.isnan(model.parameters[unknown]).all()
    assert np.isfinite(np.delete(model.parameters, np.r_[unknown])).all()
    assert not set(model.unknown) & set(model.to_frame().index)
    assert model.unknown[0] not in repr(model)
    assert "not known" in model._repr_html_()
    with pytest.raises(KeyError, match=f"{model.unknown[0]} is not known: the trivial components of"):
        model[model.unknown[0]]


@pytest.mark.parametrize("space", SPACES)
def test_of_many_matrices_the_other_covariances_are_those_of_the_full_fit(space, generic):
    _, matrices = drawn(space, generic, 12, seed=2)
    full, model = (BlockGaussian.fit(matrices, space, given_trivial=given) for given in (False, True))
    for own, other in zip(full.covariances[1:], model.covariances[1:], strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-12)
    np.testing.assert_allclose(full.means, model.means, rtol=1e-12)
    # the density of a matrix is that of its trivial components times that of the rest given these
    trivial = scipy.stats.multivariate_normal(full.means, full.covariances[0])
    own = trivial.logpdf(model.given)
    np.testing.assert_allclose(full.log_prob(matrices) - own, model.log_prob(matrices), rtol=1e-9)
    assert full.entropy() - trivial.entropy() == pytest.approx(model.entropy(), rel=1e-9)
    assert full.given_those_of(matrices) == model


@pytest.mark.parametrize("space", SPACES)
def test_samples_keep_the_trivial_components(space, generic):
    _, matrices = drawn(space, generic, 3, seed=3)
    model = BlockGaussian.fit(matrices, space, given_trivial=True)
    sample = model.sample(3000, seed=0)
    expected = trivial_part(model, matrices)
    np.testing.assert_allclose(
        trivial_part(model, sample), np.tile(expected, (1000,) + (1,) * len(space.shape)), atol=1e-10
    )
    np.testing.assert_allclose(model.mean, expected.mean(axis=0), atol=1e-12)
    centred = (sample - trivial_part(model, sample)).reshape(3000, -1)
    np.testing.assert_array_equal(model.sample(6, seed=0)[3:], model.sample(9, seed=0)[3:6])
    covariance = model.covariance.reshape(centred.shape[1], -1)
    error = np.sqrt((np.outer(np.diag(covariance), np.diag(covariance)) + covariance**2) / 3000)
    assert (np.abs(centred.T @ centred / 3000 - covariance) < 5 * error + 1e-12).all()
    # whitening takes the trivial components away, colouring puts them back
    np.testing.assert_allclose(model.colour(model.whiten(matrices)), matrices, atol=1e-10)
    assert np.abs(trivial_part(model, model.whiten(matrices))).max() < 1e-12


@pytest.mark.parametrize(
    ("space", "degrees"), [(space, (1, 2, 3)) for space in SPACES[1:]] + [(SPACES[0], (1, 2, 3, 4))]
)
def test_expectation_values_are_averages_of_dense_ones(space, degrees, generic):
    """Isserlis' theorem with the dense mean of each matrix, its trivial part, and the dense covariance of the rest."""
    _, matrices = drawn(space, generic, 2, seed=4)
    model = BlockGaussian.fit(matrices, space, given_trivial=True)
    family = space.decomposition.family
    graphs = [graph for degree in degrees for graph in multigraphs(degree, family)]
    graphs = graphs[:: max(1, len(graphs) // 60)]
    means = trivial_part(model, matrices)
    slow = [np.mean([expectation_slowly(graph, mean, model.covariance) for mean in means]) for graph in graphs]
    np.testing.assert_allclose(model.expectation(graphs), slow, rtol=1e-9, atol=1e-8)
    # of all linear and quadratic invariants the averages are those of the matrices
    fixed = multigraphs(1, family) + multigraphs(2, family)
    measured = evaluate(matrices, fixed, family=family).mean(axis=0)
    np.testing.assert_allclose(model.expectation(fixed), measured, rtol=1e-9, atol=1e-9)


def test_expectation_values_are_those_of_samples(generic):
    _, matrices = drawn(SquareSpace(6), generic, 2, seed=5)
    model = PIGMM.fit(matrices, given_trivial=True)
    graphs = multigraphs(3) + multigraphs(4)
    values = evaluate(model.sample(40_000, seed=0), graphs)
    error = np.sqrt(values.reshape(-1, 2, len(graphs)).var(axis=0).mean(axis=0)) / 200
    difference = values.mean(axis=0) - model.expectation(graphs)
    varies = error > 1e-12 * np.abs(values).max(axis=0)
    np.testing.assert_allclose(difference[~varies], 0, atol=1e-9 * np.abs(values).max())
    z = difference[varies] / error[varies]
    assert len(z) == 348 - 9  # products of traces and sums are given
    assert np.abs(z).max() < 5
    assert 0.5 < np.square(z).mean() < 1.7


@pytest.mark.parametrize("space", SPACES)
def test_gradients_are_differences(space, generic):
    _, matrices = drawn(space, generic, 3, seed=6)
    model = BlockGaussian.fit(matrices, space, given_trivial=True)
    graphs = multigraphs(3, space.decomposition.family)[:40]
    gradient = model.expectation_gradient(graphs)
    copies = len(model.means)
    fixed = copies + copies * (copies + 1) // 2
    assert not gradient[:, :fixed].any()
    for number in range(fixed, len(model.parameters), 3):
        step = np.zeros(len(model.parameters))
        step[number] = 1e-4
        ends = [BlockGaussian(space, model.parameters + s * step, model.given).expectation(graphs) for s in (-1, 1)]
        np.testing.assert_allclose(gradient[:, number], (ends[1] - ends[0]) / 2e-4, rtol=1e-6, atol=1e-5)


def test_streams_statistics_and_dtypes(generic):
    _, matrices = drawn(SquareSpace(5), generic, 7, seed=7)
    model = PIGMM.fit(matrices, given_trivial=True)
    streamed = PIGMM.fit((chunk for chunk in (matrices[:3], matrices[:0], matrices[3:])), given_trivial=True)
    np.testing.assert_allclose(streamed.parameters, model.parameters, rtol=1e-12)
    np.testing.assert_array_equal(streamed.given, model.given)
    coarse = PIGMM.fit(matrices.astype(np.float32), given_trivial=True)
    np.testing.assert_allclose(coarse.parameters, model.parameters, rtol=1e-5, atol=1e-5)
    assert coarse.parameters.dtype == coarse.given.dtype == np.float64
    one = PIGMM.fit(SufficientStatistics.of(matrices[:1]), given_trivial=True)
    np.testing.assert_allclose(one.parameters, PIGMM.fit(matrices[:1], given_trivial=True).parameters, rtol=1e-12)
    with pytest.raises(ValueError, match=r"matrices must be the matrices themselves .* got the statistics of 7"):
        PIGMM.fit(SufficientStatistics.of(matrices), given_trivial=True)


@pytest.mark.parametrize("space", SPACES)
def test_stored_copied_and_compared(space, generic, tmp_path):
    _, matrices = drawn(space, generic, 2, seed=8)
    model = BlockGaussian.fit(matrices, space, given_trivial=True)
    model.save(tmp_path / "model.json")
    assert not any(name in (tmp_path / "model.json").read_text() for name in model.unknown)
    for same in (BlockGaussian.load(tmp_path / "model.json"), pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert same == model
        assert hash(same) == hash(model)
    other = BlockGaussian(space, model.parameters, model.given[:1])
    assert other != model
    assert generic(space, seed=8) != model


def test_equivariance_of_the_fit_of_one_matrix():
    rng = np.random.default_rng(9)
    matrix = rng.normal(size=(1, 12, 12)) + 0.3
    theta = PIGMM.fit(matrix, given_trivial=True).parameters
    order = rng.permutation(12)
    np.testing.assert_allclose(
        PIGMM.fit(matrix[:, order][:, :, order], given_trivial=True).parameters, theta, atol=1e-12
    )
    transposed = PIGMM.fit(matrix.swapaxes(1, 2), given_trivial=True).parameters
    np.testing.assert_allclose(transposed[[8, 5, 9, 7]], theta[[5, 8, 7, 9]], atol=1e-12)
    moved = PIGMM.fit(2 * matrix + 5 + 3 * np.eye(12), given_trivial=True).parameters
    np.testing.assert_allclose(moved[5:], 4 * theta[5:], rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(moved[:2], [2 * theta[0] + 63, 2 * theta[1] + 3 * np.sqrt(11)], rtol=1e-10)


NORMAL = np.random.default_rng(10).normal(size=(1, 6, 6))


@pytest.mark.parametrize(
    ("matrices", "space", "message"),
    [
        (NORMAL[0], None, r"matrices must be of shape \(n, rows, columns\), got \(6, 6\)"),
        (NORMAL[:0], None, "at least 1"),
        (np.zeros((1, 6, 6)), None, "that are all constant"),
        (np.full((2, 6, 6), 3.0) + np.eye(6), None, "that are all constant"),
        (NORMAL + NORMAL.swapaxes(1, 2), None, "no more in V_3 .* symmetric matrices need SymmetricSpace"),
        (np.where(NORMAL > 1, np.nan, NORMAL), None, "matrices must be finite"),
        (np.random.default_rng(0).normal(size=(1, 3, 5, 5)), None, "matrices must be at least 3 for a fit, got 1"),
    ],
)
def test_refused(matrices, space, message):
    with pytest.raises(ValueError, match=message):
        BlockGaussian.fit(matrices, space, given_trivial=True)


def test_refused_by_the_constructor():
    parameters = [0, 0, np.nan, np.nan, np.nan, 1, 0, 0, 1, 0, 1, 1, 1]
    assert PIGMM(5, parameters, [[2.0, 1.0], [4.0, 1.0]]).means.tolist() == [3.0, 1.0]
    with pytest.raises(ValueError, match="parameters must be finite"):
        PIGMM(5, parameters)
    with pytest.raises(ValueError, match=r"given must be real numbers of shape \(n, 2\), n at least 1, got \(3,\)"):
        PIGMM(5, parameters, [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="given must be finite, got 1 NaN"):
        PIGMM(5, parameters, [[1.0, np.nan]])
    with pytest.raises(ValueError, match="V_H must be positive definite"):
        PIGMM(5, [*parameters[:5], -1, *parameters[6:]], [[1.0, 2.0]])
    with pytest.raises(ValueError, match="got 1; `analyse_matrix` tests one matrix, given_trivial=True fits it"):
        PIGMM.fit(NORMAL)


def test_shrinkage_is_towards_the_variance_of_what_varies():
    model, shrunk = (PIGMM.fit(NORMAL, given_trivial=True, shrinkage=s) for s in (0.0, 0.5))
    total = sum(d * np.trace(block) for d, block in model.varying)
    common = total / model.total_dimension
    assert model.total_dimension == 34
    np.testing.assert_allclose(shrunk.covariances[1], (model.covariances[1] + common * np.eye(3)) / 2, rtol=1e-12)
    # what is singular by too few copies may be shrunk
    several = np.random.default_rng(0).normal(size=(1, 3, 5, 5))
    assert len(BlockGaussian.fit(several, given_trivial=True, shrinkage=0.1).given) == 1
