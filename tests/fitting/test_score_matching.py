"""Score matching: K and b by brute force, exact identities, streams, recovery of couplings, coverage of intervals."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from pigmm.fitting import (
    PIGMM,
    BlockGaussian,
    InteractingModel,
    MultiMatrixSpace,
    RectangularSpace,
    ScoreStatistics,
    SquareSpace,
    SymmetricSpace,
    held_out_gain,
)
from pigmm.fitting.interactions.score_matching import terms as score_terms
from pigmm.fitting.interactions.score_matching.estimate import score_estimate
from pigmm.fitting.interactions.score_matching.statistics import exponent_of
from pigmm.invariants import Multigraph, as_graph, multigraphs

SPACES = [
    SquareSpace(4),
    RectangularSpace(3, 5),
    SymmetricSpace(4),
    SymmetricSpace(4, diagonal=False),
    MultiMatrixSpace(2, 4),
]
QUARTIC = "sum M_ij^4"
ROOT = Path(__file__).parent.parent.parent


def couplings_of(space, seed=0):
    """Some cubic and quartic graphs with few nodes, so that they are independent at small sizes."""
    family, rng = space.decomposition.family, np.random.default_rng(seed)
    found = []
    for degree in (3, 4):
        small = [g for g in multigraphs(degree, family) if g.number_of_nodes <= 3]
        found += [small[k] for k in rng.choice(len(small), 3, replace=False)]
    return found


def basis(space):
    """Orthonormal matrices of a space, (dimension, *shape), written down entry by entry."""
    found = []
    for place in np.ndindex(space.shape):
        unit = np.zeros(space.shape)
        if not isinstance(space, SymmetricSpace):
            unit[place] = 1
        elif place[0] < place[1]:
            unit[place] = unit[place[::-1]] = 0.5**0.5
        elif place[0] == place[1] and space.diagonal:
            unit[place] = 1
        if unit.any():
            found.append(unit)
    return np.array(found)


def invariant(graph, matrix):
    """The definition: all indices summed, one factor for each arc. Colours choose among several matrices."""
    letters = "abcdefgh"
    factors = [matrix[c] if matrix.ndim == 3 else matrix for c in graph.colours]
    return torch.einsum(",".join(letters[t] + letters[h] for t, h in graph.arcs) + "->", *factors)


@pytest.mark.parametrize("space", SPACES)
def test_equations_by_automatic_differentiation(space):
    """K and b against gradients and Hessians by the coordinates of an orthonormal basis."""
    rng = np.random.default_rng(3)
    units = torch.tensor(basis(space))
    coordinates = torch.tensor(rng.normal(size=(2, len(units))))
    matrices = np.einsum("nd,d...->n...", coordinates.numpy(), units.numpy())
    statistics = ScoreStatistics.of(matrices, couplings_of(space), space, exponent=0)
    k, _ = statistics.terms.equations(statistics.sums.mean)

    def values(x):
        matrix = torch.tensordot(x, units, dims=1)
        return torch.stack([invariant(graph, matrix) for graph in statistics.graphs])

    gradients = [torch.autograd.functional.jacobian(values, x).numpy() for x in coordinates]
    expected = np.mean([g @ g.T for g in gradients], axis=0)
    np.testing.assert_allclose(k, expected, rtol=1e-10, atol=1e-10 * np.abs(expected).max())
    first = ScoreStatistics.of(matrices[:1], couplings_of(space), space, exponent=0)
    laplacians = first.terms.equations(first.sums.mean)[1]
    for number in range(-8, 0):  # two of the Gaussian graphs, then the couplings

        def value(x, graph=statistics.graphs[number]):
            return invariant(graph, torch.tensordot(x, units, dims=1))

        trace = np.trace(torch.autograd.functional.hessian(value, coordinates[0]).numpy())
        assert laplacians[number] == pytest.approx(trace, rel=1e-10, abs=1e-9)


@pytest.mark.parametrize("space", SPACES)
def test_without_couplings_it_is_maximum_likelihood(space, generic):
    matrices = generic(space, seed=5).sample(60, seed=1)
    model = InteractingModel.fit(matrices, [], space)
    fitted = BlockGaussian.fit(matrices, space)
    np.testing.assert_allclose(model.base.parameters, fitted.parameters, rtol=1e-8, atol=1e-9)
    assert model.is_normalisable


def test_errors_of_the_gaussian_coefficients_are_those_of_maximum_likelihood():
    """Of V_3 alone, sum M_ij^2 less sum M_ij M_ji has the coefficient -1 / (2 G3); G3^ is chi-squared."""
    matrices = PIGMM.iid(6, variance=0.3).sample(4000, seed=0)
    model = InteractingModel.fit(matrices, [])
    table = model.to_frame()
    labels = table.index.get_indexer(["01 01", "01 10"])
    contrast = np.zeros(len(table))
    contrast[labels] = 1, -1
    error = np.sqrt(contrast @ model.covariance @ contrast)
    dimension = 5 * 4 / 2
    assert contrast @ model.natural == pytest.approx(-1 / (2 * PIGMM.fit(matrices)["G3"]), rel=1e-9)
    assert error == pytest.approx(1 / 0.6 * np.sqrt(2 / (4000 * dimension)), rel=0.05)


@pytest.mark.parametrize("space", SPACES)
def test_statistics_merge_in_any_order(space, generic):
    matrices = generic(space, seed=2).sample(90, seed=3)
    graphs = couplings_of(space)
    whole = score_estimate(ScoreStatistics.of(matrices, graphs, space, exponent=0))
    a, b, c = (ScoreStatistics.of(part, graphs, space, exponent=0) for part in np.split(matrices, [20, 50]))
    for merged in (a.merge(b).merge(c), c.merge(a).merge(b), ScoreStatistics.merged([b, c, a])):
        assert merged.count == 90
        again = score_estimate(merged)
        np.testing.assert_allclose(again.theta, whole.theta, rtol=1e-7)
        np.testing.assert_allclose(again.covariance, whole.covariance, rtol=1e-6, atol=1e-12)
    streamed = InteractingModel.fit(iter(np.array_split(matrices, 7)), graphs, space)
    at_once = InteractingModel.fit(matrices, graphs, space)
    np.testing.assert_allclose(streamed.natural, at_once.natural, rtol=1e-7)


def test_merging_statistics_of_different_scales():
    matrices = np.random.default_rng(0).normal(size=(200, 4, 4))
    first, second = matrices[:100] / 64, matrices[100:]
    merged = ScoreStatistics.of(first, [QUARTIC]).merge(ScoreStatistics.of(second, [QUARTIC]))
    whole = ScoreStatistics.of(np.concatenate([first, second]), [QUARTIC], exponent=merged.exponent)
    np.testing.assert_allclose(merged.sums.mean, whole.sums.mean, rtol=1e-12)
    np.testing.assert_allclose(merged.sums.squares, whole.sums.squares, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("scale", [2.0**-40, 2.0**40, 3e-5, 1e6])
def test_couplings_are_in_units_of_the_matrices(scale):
    matrices = np.random.default_rng(0).normal(size=(100, 4, 4))
    graphs = ["sum M_ij^3", QUARTIC]
    one, other = InteractingModel.fit(matrices, graphs), InteractingModel.fit(matrices * scale, graphs)
    powers = scale ** np.array([3.0, 4.0])
    np.testing.assert_allclose(other.couplings * powers, one.couplings, rtol=1e-7)
    np.testing.assert_allclose(other.standard_errors * powers, one.standard_errors, rtol=1e-7)
    np.testing.assert_allclose(other.objective(matrices * scale) * scale**2, one.objective(matrices), rtol=1e-7)


def test_single_precision_is_enough(quartic_entries):
    """Weights come as float32: the couplings are those of float64 to its rounding."""
    matrices = quartic_entries(500, (10, 10), seed=4)
    graphs = [QUARTIC, "01 01 23 23", "tr (M M^T)^2", "sum M_ij^3"]
    single = InteractingModel.fit(matrices.astype(np.float32), graphs)
    double = InteractingModel.fit(matrices, graphs)
    assert (np.abs(single.couplings - double.couplings) < 1e-3 * double.standard_errors).all()


def test_too_many_couplings_are_refused(monkeypatch):
    monkeypatch.setattr(score_terms, "_MOST_INVARIANTS", 100)
    matrices = np.random.default_rng(0).normal(size=(50, 6, 6))
    with pytest.raises(ValueError, match="so that their score has at most 100 invariants, got 65 with more"):
        InteractingModel.fit(matrices, multigraphs(3))


def test_exponent_is_safe_at_the_ends_of_the_range():
    assert exponent_of(np.full(3, 2.0**-1000)) == -1000
    assert exponent_of(np.full(3, 2.0**1000)) == 1000
    assert exponent_of(np.zeros(3)) == 0


def test_renumbering_and_transposing(generic):
    """Permuted matrices give the same couplings, transposed ones those of the transposed graphs."""
    matrices = generic(SquareSpace(5), seed=1).sample(300, seed=2)
    graphs = [as_graph("00 01 01"), as_graph(QUARTIC)]
    order = np.random.default_rng(0).permutation(5)
    model = InteractingModel.fit(matrices, graphs)
    permuted = InteractingModel.fit(matrices[:, order][:, :, order], graphs)
    np.testing.assert_allclose(permuted.couplings, model.couplings, rtol=1e-7)
    turned = [Multigraph([(head, tail) for tail, head in graph.arcs]) for graph in graphs]
    transposed = InteractingModel.fit(matrices.swapaxes(1, 2), turned)
    np.testing.assert_allclose(transposed.couplings.to_numpy(), model.couplings.to_numpy(), rtol=1e-7)


def test_objective_by_finite_differences_of_the_density():
    model = InteractingModel.of_couplings(
        PIGMM.iid(4, 0.8, mean=0.3), {QUARTIC: -0.1, "01 01 11": 0.05, "tr M^4": -0.01}
    )
    rng = np.random.default_rng(0)
    matrix, step = rng.normal(size=(4, 4)), 1e-4
    around = np.concatenate([matrix + step * s * np.eye(16).reshape(16, 4, 4) for s in (1, -1)])
    values = np.einsum("a,na->n", model.natural, _values(around, model.all_graphs))
    middle = float(_values(matrix[None], model.all_graphs)[0] @ model.natural)
    gradient = (values[:16] - values[16:]) / (2 * step)
    laplacian = (values.sum() - 32 * middle) / step**2
    assert model.objective(matrix[None])[0] == pytest.approx(0.5 * gradient @ gradient + laplacian, rel=1e-5)


def _values(matrices, graphs):
    return np.array([[float(invariant(graph, torch.tensor(m))) for graph in graphs] for m in matrices])


def test_the_estimate_is_the_minimum_of_the_mean_objective():
    matrices = np.random.default_rng(1).standard_t(7, size=(200, 4, 4))
    model = InteractingModel.fit(matrices, [QUARTIC, "sum M_ij^3"])
    least = model.objective(matrices).mean()
    rng = np.random.default_rng(0)
    for _ in range(5):
        moved = model.natural * (1 + 1e-3 * rng.normal(size=len(model.natural)))
        other = InteractingModel(model.gaussian, model.graphs, moved, model.covariance.copy(), model.count)
        assert other.objective(matrices).mean() > least


def test_independent_quartic_entries(quartic_entries):
    """exp(-x^2 / 2 - 0.15 x^4) has the coupling -0.15 of sum M_ij^4, and the base of unit variance."""
    model = InteractingModel.fit(quartic_entries(1000, (10, 10), seed=0), [QUARTIC])
    assert abs(model.couplings.item() + 0.15) < 3 * model.standard_errors.item() < 0.02
    np.testing.assert_allclose(np.diag(model.base.covariances[1]), 1, atol=0.15)
    np.testing.assert_allclose([model.base["G2"], model.base["G3"]], 1, atol=0.1)


@pytest.mark.parametrize("space", [RectangularSpace(5, 5), RectangularSpace(3, 6), SymmetricSpace(5, diagonal=False)])
def test_independent_quartic_entries_of_other_kinds(space, quartic_entries):
    x = quartic_entries(3000, space.shape, seed=1)
    if isinstance(space, SymmetricSpace):  # in norm an entry and its mirror are sqrt(2) times one
        x = np.triu(x, 1)
        x = x + x.swapaxes(1, 2)
    graph = next(
        g for g in multigraphs(4, space.decomposition.family) if g.number_of_nodes == 2 and len(set(g.arcs)) == 1
    )
    model = InteractingModel.fit(x, [graph], space)
    expected = -0.075 if isinstance(space, SymmetricSpace) else -0.15  # the sum has each entry twice
    assert abs(model.couplings.item() - expected) < 3 * model.standard_errors.item()


def metropolis(size, coefficients, count, seed):
    """An independent sampler: single entries moved at random under log p written out with matrix products."""
    square, gram, cubes = coefficients  # of sum M^2, tr (M M^T)^2, sum M^3

    def log_p(m):
        mm = m @ m.swapaxes(1, 2)
        return square * (m**2).sum((1, 2)) + gram * (mm**2).sum((1, 2)) + cubes * (m**3).sum((1, 2))

    rng = np.random.default_rng(seed)
    m = rng.normal(size=(count, size, size)) * 0.5
    now = log_p(m)
    for _ in range(30):  # sweeps
        for i, j in np.ndindex(size, size):
            trial = m.copy()
            trial[:, i, j] += rng.normal(size=count) * 1.2
            then = log_p(trial)
            accepted = np.log(rng.random(count)) < then - now
            m[accepted], now = trial[accepted], np.where(accepted, then, now)
    return m


def test_couplings_of_an_interacting_ensemble_are_recovered():
    truth = {"01 01": -0.5, "01 02 31 32": -0.05, "01 01 01": 0.1}
    matrices = metropolis(4, list(truth.values()), 2000, seed=0)
    model = InteractingModel.fit(matrices, ["tr (M M^T)^2", "sum M_ij^3", QUARTIC, "01 01 21 21"])
    table = model.to_frame()
    z = (table.coupling - [truth.get(label, 0.0) for label in table.index]) / table.standard_error
    assert np.abs(z).max() < 4
    assert table.z["01 02 31 32"] < -4
    assert table.z["01 01 01"] > 4
    assert model.is_normalisable


def test_ridge_shrinks_the_couplings_alone_and_continuously(quartic_entries):
    matrices = quartic_entries(300, (5, 5), seed=2)
    graphs = [QUARTIC, "sum M_ij^3"]
    free = InteractingModel.fit(matrices, graphs)
    np.testing.assert_allclose(InteractingModel.fit(matrices, graphs, ridge=1e-9).natural, free.natural, rtol=1e-4)
    strong = InteractingModel.fit(matrices, graphs, ridge=1e6)
    assert np.abs(strong.couplings).max() < 1e-5
    np.testing.assert_allclose(strong.base.parameters, PIGMM.fit(matrices).parameters, rtol=1e-3, atol=1e-3)
    sizes = [abs(InteractingModel.fit(matrices, [QUARTIC], ridge=r).couplings.item()) for r in (0, 0.1, 1, 10)]
    assert sizes == sorted(sizes, reverse=True)
    scaled = InteractingModel.fit(matrices * 1e3, graphs, ridge=0.3)
    np.testing.assert_allclose(
        scaled.couplings * [1e12, 1e9], InteractingModel.fit(matrices, graphs, ridge=0.3).couplings, rtol=1e-7
    )


def test_held_out_gain(quartic_entries):
    """Positive where the coupling is there; of no significance, and slightly negative, where it is not."""
    found = held_out_gain(quartic_entries(600, (5, 5), seed=3), [QUARTIC], seed=1)
    assert found.z > 5
    assert found.gain == pytest.approx(found.gaussian_objective - found.objective, rel=1e-9)
    gaussian = [held_out_gain(PIGMM.iid(5, 1.0).sample(200, seed=k), [QUARTIC], seed=k) for k in range(12)]
    assert np.mean([g.z for g in gaussian]) < 0
    assert max(g.z for g in gaussian) < 3
    again = held_out_gain(1e4 * quartic_entries(600, (5, 5), seed=3), [QUARTIC], seed=1)
    assert again.gain == pytest.approx(found.gain, rel=1e-6)


def test_a_dependent_set_of_graphs_says_which():
    matrices = np.random.default_rng(0).normal(size=(50, 4, 4))
    with pytest.raises(
        ValueError, match="independent, got '00 12 34', which for size 4 is a combination of '00 00 00'"
    ):
        InteractingModel.fit(matrices, multigraphs(3))
    with pytest.raises(ValueError, match="got '01 01 01' twice"):
        InteractingModel.fit(matrices, ["sum M_ij^3", "sum M_ij^3"])
    kept = [g for g in multigraphs(3) if g.number_of_nodes <= 4]
    InteractingModel.fit(matrices, kept)  # all with at most N nodes are independent
    signs = np.sign(matrices)  # M_ii^3 and M_ii have parallel gradients
    with pytest.raises(ValueError, match=r"must be independent on these matrices, got .*'00 00 00'"):
        InteractingModel.fit(signs, ["sum M_ii^3"])


@pytest.mark.parametrize(
    ("graphs", "message"),
    [
        (["tr M^2"], "graphs must be of degree 3 or more, as the Gaussian has those below, got '01 10'"),
        (QUARTIC, "graphs must be several Multigraphs"),
        (None, "graphs must be given with matrices, got none"),
        ([Multigraph([(0, 1)] * 3, kinds=(0, 1))], "graph must be one of square matrices"),
    ],
)
def test_graphs_that_are_refused(graphs, message):
    with pytest.raises(ValueError, match=message):
        InteractingModel.fit(np.random.default_rng(0).normal(size=(50, 4, 4)), graphs)


def test_matrices_that_are_refused():
    matrices = np.random.default_rng(0).normal(size=(50, 4, 4))
    with pytest.raises(ValueError, match="finite"):
        InteractingModel.fit(np.where(matrices > 2, np.nan, matrices), [QUARTIC])
    with pytest.raises(ValueError, match="at least 3"):
        InteractingModel.fit(matrices[:2], [QUARTIC])
    with pytest.raises(ValueError, match="vary in every irrep"):
        InteractingModel.fit(matrices + matrices.swapaxes(1, 2), [QUARTIC])
    with pytest.raises(ValueError, match="ridge must be a number of at least 0, got -1"):
        InteractingModel.fit(matrices, [QUARTIC], ridge=-1)
    with pytest.raises(ValueError, match="chunk 1 \\(after 25 matrices\\)"):
        InteractingModel.fit(iter([matrices[:25], matrices[:, :3, :3]]), [QUARTIC])
    with pytest.raises(ValueError, match="folds must be at most"):
        held_out_gain(matrices, [QUARTIC], folds=51)


@pytest.mark.thorough
def test_intervals_cover():
    """Nominal 95% intervals of all coefficients, over 500 ensembles of three laws whose couplings are known."""
    specification = importlib.util.spec_from_file_location("interactions", ROOT / "benchmarks" / "interactions.py")
    benchmark = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(benchmark)
    table = benchmark.coverage(500, matrices=1000)
    assert len(table) == 3 * 17
    deviation = np.sqrt(0.95 * 0.05 / 500)
    assert np.abs(table.coverage - 0.95).max() < 4.5 * deviation
    assert table.groupby("law").coverage.mean().between(0.94, 0.96).all()
