"""Selection of couplings: exact covariances, laws with couplings, size under the null, planted couplings, bad input."""

from itertools import permutations
from math import factorial

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import binom

from pigmm.fitting import (
    PIGMM,
    BlockGaussian,
    MultiMatrixSpace,
    RectangularSpace,
    SquareSpace,
    SymmetricSpace,
    compare,
    held_out_gain,
    select_interactions,
)
from pigmm.fitting.interactions.selection.candidates import candidate_graphs, has_symmetry
from pigmm.fitting.interactions.selection.exact_covariances import wick_covariances
from pigmm.fitting.interactions.selection.population import Population
from pigmm.fitting.interactions.selection.reference_law import ReferenceLaw
from pigmm.fitting.interactions.selection.residual_values import ResidualValues
from pigmm.invariants import Multigraph, as_graph, evaluate, multigraphs

QUARTIC = "01 01 01 01"  # sum M_ij^4


def of_mean_zero(model):
    parameters = model.parameters.copy()
    parameters[: len(model.means)] = 0
    return BlockGaussian(model.space, parameters)


def quartic_entries(shape, coupling, seed):
    """Independent entries of density exp(-x^2/2 - g x^4), exactly: normal ones, kept with probability exp(-g x^4)."""
    rng, kept, count = np.random.default_rng(seed), np.empty(0), int(np.prod(shape))
    while len(kept) < count:
        drawn = rng.standard_normal(2 * count)
        kept = np.append(kept, drawn[rng.random(len(drawn)) < np.exp(-coupling * drawn**4)])
    return kept[:count].reshape(shape)


def symmetric_tensor(graph, size):
    """O_G as a symmetric tensor on matrices written as vectors."""
    tensor = np.zeros((size, size) * graph.degree)
    for nodes in np.ndindex((size,) * graph.number_of_nodes):
        tensor[tuple(nodes[end] for arc in graph.arcs for end in arc)] += 1
    tensor = tensor.reshape((size * size,) * graph.degree)
    return sum(tensor.transpose(order) for order in permutations(range(graph.degree))) / factorial(graph.degree)


def test_covariances_are_those_of_dense_tensors(random_model):
    """Cov(:O_G:, :O_H:) = k! <T_G, Gamma^(x k) T_H>, with the dense covariance Gamma."""
    size = 4
    model = of_mean_zero(random_model(size, seed=5))
    gamma = model.covariance.reshape(size * size, size * size)
    for degree, chosen in ((3, multigraphs(3)[::4]), (4, multigraphs(4)[::48])):
        graphs = tuple(graph for graph in chosen if graph.number_of_nodes <= 5)
        tensors = [symmetric_tensor(graph, size) for graph in graphs]
        propagated = tensors
        for _ in range(degree):  # one axis after another
            propagated = [np.moveaxis(np.tensordot(gamma, tensor, axes=(1, degree - 1)), 0, 0) for tensor in propagated]
        expected = factorial(degree) * np.array([[np.vdot(t, p) for p in propagated] for t in tensors])
        np.testing.assert_allclose(wick_covariances(model, graphs), expected, rtol=1e-8)


@pytest.mark.parametrize("space", [SquareSpace(5), RectangularSpace(3, 5), SymmetricSpace(4)], ids=repr)
def test_covariances_are_those_of_simulated_residuals(generic, space):
    family, count = space.decomposition.family, 40_000
    model = of_mean_zero(generic(space, 2))
    graphs = (*multigraphs(3, family), *multigraphs(4, family))[::3]
    exact = wick_covariances(model, graphs)
    matrices = model.sample(count, seed=1)
    psi = evaluate(matrices, graphs, family=family) - model.expectation(graphs)
    psi = (psi - model.influence(matrices) @ model.expectation_gradient(graphs).T) / np.sqrt(np.diag(exact))
    error = np.sqrt(np.square(psi).T @ np.square(psi)) / count
    z = (psi.T @ psi / count - exact / np.sqrt(np.outer(np.diag(exact), np.diag(exact)))) / error
    assert np.sqrt(np.square(z).mean()) < 1.3
    assert np.abs(z).max() < 6


def test_law_with_a_coupling_is_that_of_independent_entries():
    """Residuals of a law with theta = -0.15 for sum M_ij^4, far from Gaussian, by weights and moves: as simulated."""
    matrices = quartic_entries((20_000, 6, 6), 0.15, seed=0)
    graphs = tuple(as_graph(g) for g in (QUARTIC, "tr (M M^T)^2", "01 01 02 02", "tr M^4", "(tr M)^4", "00 00 00 00"))
    model = of_mean_zero(PIGMM.fit(matrices))
    measured = ResidualValues.of(model, matrices, graphs)
    rng = np.random.default_rng(1)
    population = Population.gaussian(model, graphs, None, 1 << 14, rng)
    target = measured.residuals.mean(axis=0) / population.units
    by_weights = ReferenceLaw(population, (), population.exponent).with_coupling(0, target, rng)
    assert by_weights.effective_share < 0.9
    # on moved matrices the exponent that was found is right as it is, so that their weights are equal
    moved = population.moved(by_weights.selected, by_weights.exponent, rng)
    by_moves = ReferenceLaw(moved, by_weights.selected, by_weights.exponent)
    assert by_moves.effective_share == pytest.approx(1)
    for law in (by_weights, by_moves):
        error = np.sqrt(law.variances + 1e-3) * np.sqrt(1 / len(matrices) + 2 * law.simulation_variance)
        assert (np.abs(law.means - target)[1:] < 4 * error[1:]).all()
    np.testing.assert_allclose(by_weights.means[0], target[0], rtol=1e-5)
    assert abs(by_weights.couplings[0] / population.units[0] + 0.15) < 0.02
    spread = np.sqrt(by_weights.coupling_covariance(measured)[0, 0] / len(matrices)) / population.units[0]
    assert spread < 0.02


def test_coupling_of_independent_entries_is_found_alone():
    matrices = quartic_entries((1000, 8, 8), 0.15, seed=4)
    table = select_interactions(matrices)
    assert table.graph.tolist() == [QUARTIC]
    row = table.iloc[0]
    assert abs(row.coupling + 0.15) < 3 * row.standard_error < 0.03
    assert row.joint_coupling == row.coupling
    assert row.z < -20
    assert row.root_mean_square_z < 1.2 < 2 < table.attrs["root_mean_square_z"]
    assert table.attrs["p_value_of_rest"] > 0.01
    held_out = held_out_gain(matrices - PIGMM.fit(matrices).mean, [QUARTIC])
    np.testing.assert_allclose([row.gain, row.gain_standard_error], [held_out.gain, held_out.standard_error], rtol=1e-6)
    assert row.gain > 5 * row.gain_standard_error


def false_selections(ensembles, count, graphs, couplings, seed):
    """How many ensembles of matrices of size 4 have more couplings selected than they have."""
    more = 0
    for number in range(ensembles):
        matrices = quartic_entries((count, 4, 4), couplings, [seed, number])
        table = select_interactions(matrices, graphs, seed=number, replicates=199)
        more += len(table) > (couplings > 0)
    return more


def test_few_gaussian_ensembles_have_a_selection():
    graphs = [graph for graph in multigraphs(3) if graph.number_of_nodes < 4]
    assert false_selections(25, 60, graphs, 0, seed=1) <= binom.isf(1e-3, 25, 0.05)


@pytest.mark.thorough
@pytest.mark.parametrize("coupling", [0, 0.05])
def test_share_of_false_selections_is_the_level(coupling):
    """None planted: at most 5% of ensembles have one; one planted (z about -10): at most 5% have a second."""
    found = false_selections(500, 200, None, coupling, seed=2)
    assert binom.ppf(1e-3, 500, 0.05) <= found <= binom.isf(1e-3, 500, 0.05)


def test_first_step_is_the_comparison():
    """z of the first step is that of `compare`, up to the standard error, which is the model's here."""
    matrices = quartic_entries((500, 5, 5), 0.1, seed=3)
    graphs = [QUARTIC, "tr (M M^T)^2", "tr M^3"]
    table = select_interactions(matrices, graphs, steps=1)
    centred = matrices - PIGMM.fit(matrices).mean
    row = compare(PIGMM.fit(centred), centred, graphs).iloc[0]
    deviation = np.sqrt(wick_covariances(PIGMM.fit(centred), (as_graph(QUARTIC),))[0, 0] / 500)
    np.testing.assert_allclose(table.z[0], (row.measured - row.predicted) / deviation, rtol=1e-6)


def test_first_order_is_the_residual_over_its_variance():
    """For a weak coupling theta = r / C, as in perturbation theory."""
    g = 0.01
    matrices = quartic_entries((20_000, 4, 4), g, seed=9)
    table = select_interactions(matrices, [QUARTIC], steps=1)
    model = of_mean_zero(PIGMM.fit(matrices))
    graph = (as_graph(QUARTIC),)
    residual = ResidualValues.of(model, matrices, graph).residuals.mean()
    np.testing.assert_allclose(table.coupling[0], residual / wick_covariances(model, graph)[0, 0], rtol=0.25)
    assert abs(table.coupling[0] + g) < 3 * table.standard_error[0]


def test_units_and_means_do_not_matter():
    """Couplings scale as they must; a constant added to all entries, and one to the diagonal, change nothing."""
    matrices = quartic_entries((300, 4, 4), 0.1, seed=6)
    graphs = [QUARTIC, "tr M^3", "01 01 21 21"]
    table = select_interactions(matrices, graphs)
    other = select_interactions(1e3 * (matrices + 2 + 3 * np.eye(4)), graphs)
    np.testing.assert_allclose(other.coupling * 1e12, table.coupling, rtol=1e-5)
    np.testing.assert_allclose(other.z, table.z, rtol=1e-5)
    assert select_interactions(matrices, graphs).equals(table)


def test_dependent_graphs_are_never_taken_together():
    """Of 2 x 2 matrices the 10 + 33 invariants are combinations of a few, the most couplings that there can be."""
    space = RectangularSpace(2, 2)
    family = space.decomposition.family
    graphs = (*multigraphs(3, family), *multigraphs(4, family))
    covariances = wick_covariances(BlockGaussian.white(space, 1.0), graphs)
    rank = np.linalg.matrix_rank(covariances / np.sqrt(np.outer(np.diag(covariances), np.diag(covariances))), tol=1e-9)
    independent = candidate_graphs(None, space)
    assert rank <= len(independent) < len(graphs)
    matrices = quartic_entries((2000, 2, 2), 0.2, seed=7)
    table = select_interactions(matrices, graphs, space=space, level=0.999, steps=43, replicates=19)
    assert 3 < len(table) <= rank


def test_graphs_that_the_data_do_not_tell_apart_are_named():
    """Those of which (1 - rho^2) z^2 is below the 95% point of chi^2, with the exact correlations rho."""
    rng, diagonal = np.random.default_rng(0), np.arange(4)
    matrices = rng.normal(size=(80, 4, 4))
    matrices[:, diagonal, diagonal] = rng.uniform(-1.7, 1.7, size=(80, 4))
    candidates = tuple(as_graph(label) for label in ("00 00 00 00", "00 00 01 11", "00 00 01 10", QUARTIC))
    table = select_interactions(matrices, candidates, steps=1)
    assert table.graph.tolist() == ["00 00 00 00"]
    covariance = wick_covariances(of_mean_zero(PIGMM.fit(matrices)), candidates)
    row = [graph.label for graph in candidates].index(table.graph[0])
    squared = covariance[row] ** 2 / (covariance[row, row] * np.diag(covariance))
    alike = (1 - squared) * table.z[0] ** 2 < 3.84
    alike[row] = False
    assert table.one_of_these[0].split(" | ") == [candidates[k].label for k in np.flatnonzero(alike)]


def test_invariants_of_a_larger_symmetry():
    assert sum(has_symmetry(g, "S_N x S_N") for g in multigraphs(3)) == 10  # bipartite multigraphs
    assert sum(has_symmetry(g, "S_N x S_N") for g in multigraphs(4)) == 33
    signs = np.diag([1, -1, -1, 1, -1])
    matrix = np.random.default_rng(0).normal(size=(5, 5))
    graphs = multigraphs(4)
    changed = ~np.isclose(evaluate(signs @ matrix @ signs, graphs), evaluate(matrix, graphs))
    assert [not change for change in changed] == [has_symmetry(g, "B_N") for g in graphs]


def test_selection_within_a_symmetry_says_whether_it_suffices():
    matrices = quartic_entries((400, 4, 4), 0.1, seed=10)
    table = select_interactions(matrices, symmetry="S_N x S_N")
    assert table.graph.tolist() == [QUARTIC]
    assert table.attrs["candidates"] < 60
    assert table.attrs["p_value_of_others"] > 0.01
    diagonal, rng = np.arange(5), np.random.default_rng(11)
    matrices = rng.normal(size=(400, 5, 5))
    matrices[:, diagonal, diagonal] = rng.uniform(-2, 2, size=(400, 5))
    graphs = ["00 00 00 00", QUARTIC, "01 01 02 02", "tr M^3"]
    table = select_interactions(matrices, graphs, symmetry="S_N x S_N")
    assert "00 00 00 00" not in table.graph.tolist()
    assert table.attrs["p_value_of_others"] < 0.01
    assert select_interactions(matrices, graphs).graph.tolist() == ["00 00 00 00"]


def test_several_matrices_at_once():
    """Covariances are simulated; the coupling that the two matrices have in common is found."""
    rng = np.random.default_rng(0)
    pairs = rng.normal(size=(600, 2, 4, 4)) * rng.choice([0.7, 1.2], size=(600, 1, 1, 1))
    space = MultiMatrixSpace(2, 4)
    family = space.decomposition.family
    both = Multigraph([(0, 1), (0, 1), (2, 3), (2, 3)], colours=(0, 0, 1, 1))
    graphs = [both, Multigraph([(0, 1), (1, 2), (2, 0)], colours=(0, 0, 1))]
    assert select_interactions(pairs, graphs, space=space).graph.tolist() == [graphs[0].label]
    assert family.name == "two-square"


def test_degrees_above_four():
    matrices = quartic_entries((300, 4, 4), 0.1, seed=13)
    table = select_interactions(matrices, ["01 01 01 01 01 01", "tr M^5"], steps=1)
    assert table.degree.tolist() == [6]


def test_empty_table_has_its_columns():
    table = select_interactions(PIGMM.iid(4, variance=1.0).sample(50, seed=0), ["tr M^3"])
    assert len(table) == 0
    assert {"graph", "formula", "coupling", "standard_error", "z", "familywise_p", "root_mean_square_z", "gain"} <= {
        *table
    }
    assert table.attrs["next_graph"] == "01 12 20"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"graphs": ["tr M^2"]}, "graphs must be of degree 3 or more"),
        ({"graphs": ["tr M^3", "tr M^3"]}, "graphs must be different"),
        ({"graphs": []}, "graphs must be several"),
        ({"symmetry": "O(N)"}, "symmetry must be one of"),
        ({"symmetry": "S_N x S_N", "graphs": ["tr M^3"]}, "graphs must have one at least that is invariant"),
        ({"level": 0}, "level must be between 0 and 1"),
        ({"steps": 0}, "steps must be an integer of at least 1"),
        ({"replicates": 5}, "replicates must be an integer of at least 19"),
        ({"seed": -1}, "seed must be an integer of at least 0"),
        ({"matrices": np.ones((30, 4, 4))}, "matrices must vary in every irrep"),
        ({"matrices": np.full((30, 4, 4), np.nan)}, "matrices must be finite"),
        ({"matrices": np.eye(4)[None] + np.zeros((5, 1, 1))}, "number of matrices must be an integer of at least 20"),
        (
            {"matrices": np.random.default_rng(0).normal(size=(20, 200, 200))},
            "matrices must have at most 33554 entries",
        ),
        ({"space": SquareSpace(5)}, "matrices must be of shape"),
    ],
)
def test_bad_input(arguments, message):
    matrices = np.random.default_rng(0).normal(size=(30, 4, 4))
    with pytest.raises(ValueError, match=message):
        select_interactions(**{"matrices": matrices, "graphs": ["tr M^3"]} | arguments)


def test_moments_of_the_quartic_entries():
    """The independent generator of these tests: <x^2> by quadrature."""
    weight = [quad(lambda x, k=k: x**k * np.exp(-(x**2) / 2 - 0.15 * x**4), -9, 9)[0] for k in (0, 2)]
    entries = quartic_entries((100_000,), 0.15, seed=0)
    np.testing.assert_allclose(np.square(entries).mean(), weight[1] / weight[0], rtol=0.02)
