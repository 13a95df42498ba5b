"""Expectation values: against independent values, dense Isserlis sums, Monte Carlo, and exact symmetries."""

import numpy as np
import pytest
import sympy
from sympy import Rational, lambdify, sqrt

from pigmm.fitting import BlockGaussian, MultiMatrixSpace, RectangularSpace, SymmetricSpace, compare
from pigmm.invariants import (
    PARAMETERS,
    SIZE,
    Multigraph,
    evaluate,
    expectation,
    expectation_map,
    multigraphs,
)
from pigmm.invariants.reference import expectation_slowly


@pytest.fixture(scope="module")
def symbolic(all_graphs):
    """One numeric function of (N, *parameters) for all 361 exact expressions."""
    return lambdify((SIZE, *PARAMETERS), [expectation(graph) for graph in all_graphs])


def test_golden_values(golden, all_graphs, symbolic):
    for case in golden("expectations")["cases"]:
        exact = {Multigraph(entry["arcs"]): entry["value"] for entry in case["expectations"]}
        assert set(exact) == set(all_graphs)
        expected = np.array([exact[graph] for graph in all_graphs])
        compiled = expectation_map(all_graphs, case["size"])(case["parameters"])
        np.testing.assert_allclose(compiled, expected, rtol=1e-9)
        np.testing.assert_allclose(symbolic(case["size"], *case["parameters"]), expected, rtol=1e-9)


def test_integer_sizes_give_the_symbolic_result(all_graphs):
    for graph in all_graphs[::17]:
        assert sympy.expand(expectation(graph).subs(SIZE, 7) - expectation(graph, size=7)) == 0


def test_known_results():
    mu_1, mu_2 = PARAMETERS[:2]
    assert expectation(Multigraph([(0, 0)])) == mu_1 + sqrt(SIZE - 1) * mu_2
    assert expectation(Multigraph([(0, 1)])) == SIZE * mu_1
    # <sum M_ij M_ij> is the trace of the covariance plus the squared mean
    traced = expectation(Multigraph([(0, 1), (0, 1)])).subs(dict.fromkeys(PARAMETERS[:2], 0))
    ones = {p: 0 if str(p) in ("G0_12", "GH_12", "GH_13", "GH_23") else 1 for p in PARAMETERS}
    assert sympy.simplify(traced.subs(ones) - SIZE**2) == 0
    exact = expectation(Multigraph([(0, 0), (0, 0)]), size=5)
    assert all(c.is_number and c.is_algebraic for c in exact.as_coefficients_dict().values())


def test_iid_moments_are_exact():
    """For iid standard entries each expectation is a polynomial in N with integer coefficients."""
    iid = dict(zip(PARAMETERS, [0, 0, 1, 0, 1, 1, 0, 0, 1, 0, 1, 1, 1], strict=True))
    # tr M^4: pairing opposite factors frees two indices, pairing neighbours (in two ways) one
    cases = {
        ((0, 1), (0, 1)): SIZE**2,
        ((0, 1), (1, 0)): SIZE,
        ((0, 1), (1, 2), (2, 3), (3, 0)): SIZE**2 + 2 * SIZE,
        ((0, 1), (0, 1), (0, 1), (0, 1)): 3 * SIZE**2,
        ((0, 0), (0, 0), (0, 0), (0, 0)): 3 * SIZE,
    }
    for arcs, value in cases.items():
        assert sympy.simplify(expectation(Multigraph(arcs)).subs(iid) - value) == 0


def test_dense_isserlis_sums_at_generic_parameters(random_model):
    model = random_model(4, seed=11)
    graphs = [multigraphs(5)[k] for k in (10, 700, 1500)] + [multigraphs(6)[k] for k in (100, 2000)]
    expected = [expectation_slowly(graph, model.mean, model.covariance) for graph in graphs]
    np.testing.assert_allclose(model.expectation(graphs), expected, rtol=1e-10)


@pytest.mark.parametrize(
    ("space", "degrees"),
    [
        (RectangularSpace(3, 4), (1, 2, 3, 4)),
        (SymmetricSpace(4), (1, 2, 3, 4)),
        (SymmetricSpace(5, diagonal=False), (1, 2, 3, 4)),
        (MultiMatrixSpace(2, 4), (1, 2, 3)),
    ],
)
def test_other_matrices_against_dense_isserlis_sums(space, degrees, generic):
    model, family = generic(space, seed=1), space.decomposition.family
    graphs = [graph for degree in degrees for graph in multigraphs(degree, family)]
    expected = [expectation_slowly(graph, model.mean, model.covariance) for graph in graphs]
    np.testing.assert_allclose(model.expectation(graphs), expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())
    # and the same in symbols
    symbols = [parameter.symbol for parameter in space.decomposition.parameters]
    chosen = range(0, len(graphs), 1 + len(graphs) // 40)
    exact = lambdify((*space.decomposition.sizes, *symbols), [expectation(graphs[k], family=family) for k in chosen])
    found = exact(*space.sizes, *model.parameters)
    np.testing.assert_allclose(found, np.array(expected)[chosen], rtol=1e-9, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("space", [SymmetricSpace(5), SymmetricSpace(5, diagonal=False), MultiMatrixSpace(2, 4)])
def test_other_models_sample_and_fit(space, generic):
    model = generic(space, seed=2)
    matrices = model.sample(3000, seed=3)
    fitted = BlockGaussian.fit(matrices, space)
    errors = np.sqrt(np.diag(model.covariances[0]) / 3000).tolist()
    for covariance, dimension in zip(model.covariances, model.dimensions, strict=True):
        variances = np.outer(np.diag(covariance), np.diag(covariance)) + covariance**2
        errors += np.sqrt(variances / (3000 * dimension))[np.triu_indices(len(covariance))].tolist()
    assert np.abs((fitted.parameters - model.parameters) / errors).max() < 4.5
    z = compare(fitted, matrices, multigraphs(3, space.decomposition.family))["z"]
    assert z.abs().max() < 5.5


def test_the_model_is_invariant_under_its_own_symmetries(all_graphs, random_model):
    """M -> M^T turns every arc, and swaps parameters 5 and 8, 7 and 9 of the vector."""
    model = random_model(6, seed=5)
    swapped = model.parameters[[0, 1, 2, 3, 4, 8, 6, 9, 5, 7, 10, 11, 12]]
    turned = [Multigraph([(head, tail) for tail, head in graph.arcs]) for graph in all_graphs]
    compiled = expectation_map(tuple(turned), 6)(swapped)
    np.testing.assert_allclose(compiled, model.expectation(all_graphs), rtol=1e-10)


def test_monte_carlo(all_graphs, random_model):
    """100,000 samples: every one of the 361 within 5.5 standard errors (one in 30 million a graph if Gaussian)."""
    model = random_model(4, seed=3)
    values = evaluate(model.sample(100_000, seed=8), all_graphs)
    z = (values.mean(axis=0) - model.expectation(all_graphs)) / (values.std(axis=0) / np.sqrt(len(values)))
    assert np.abs(z).max() < 5.5


def test_gradients_are_those_of_finite_differences(all_graphs, random_model):
    model = random_model(5, seed=4)
    compiled = expectation_map(all_graphs, 5)
    gradient, step = compiled.gradient(model.parameters), 1e-5
    shifts = step * np.eye(13)
    numeric = (compiled(model.parameters + shifts) - compiled(model.parameters - shifts)).T / (2 * step)
    np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-6 * np.abs(gradient).max())


def test_large_sizes_lose_no_digits():
    """At N = 640 a compiled coefficient equals the exact one to rounding."""
    graph = Multigraph([(0, 1), (1, 2), (0, 2)])
    exact = expectation(graph, size=640)
    point = {p: Rational(k + 1, 7) for k, p in enumerate(PARAMETERS)}
    compiled = expectation_map((graph,), 640)([float(value) for value in point.values()])[0]
    assert compiled == pytest.approx(float(sympy.N(exact.subs(point), 40)), rel=1e-13)


def test_bad_input():
    with pytest.raises(ValueError, match="at least 4"):
        expectation(Multigraph([(0, 0)]), size=3)
    with pytest.raises(ValueError, match="of square, rectangular, symmetric"):
        expectation(Multigraph([(0, 1)], kinds=[1, 2]))
    with pytest.raises(ValueError, match="13 numbers"):
        expectation_map((Multigraph([(0, 0)]),), 4)([1.0, 2.0])
    with pytest.raises(ValueError, match="one kind"):
        expectation_map((Multigraph([(0, 0)]), Multigraph([(0, 1)], kinds=[0, 1])), 4)
