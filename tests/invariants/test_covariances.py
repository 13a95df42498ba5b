"""Covariances of invariants, the maps between averages and parameters, and the two-point basis."""

import numpy as np
import pytest
import sympy
from sympy import Matrix, lambdify, symbols

from pigmm.invariants import (
    PARAMETERS,
    RECTANGULAR,
    SIZE,
    SQUARE,
    SYMMETRIC,
    SYMMETRIC_ZERO_DIAGONAL,
    TWO_SQUARE,
    Multigraph,
    covariance,
    evaluate,
    expectation,
    forward_map,
    iid_variance,
    inverse_map,
    leading_term,
    multigraphs,
    parameter_covariance,
    statistic_symbol,
    statistics_graphs,
    two_point_coefficients,
    two_point_expectation,
)
from pigmm.invariants.representation.matrix_kinds import decomposition_of

# Variances of the 13 invariants for iid entries with moments E2, E4, derived by hand, as formulas in d
E2, E4 = symbols("E2 E4")
d = SIZE
IID = {
    "00": d * E2,
    "01": d**2 * E2,
    "01 01": d**2 * (E4 - E2**2),
    "00 01": d * E4 + (d**2 - 2 * d) * E2**2,
    "01 11": d * E4 + (d**2 - 2 * d) * E2**2,
    "00 00": d * (E4 - E2**2),
    "01 10": d * E4 + (2 * d**2 - 3 * d) * E2**2,
    "00 11": d * E4 + (2 * d**2 - 3 * d) * E2**2,
    "01 02": d**2 * E4 + d**2 * (2 * d - 3) * E2**2,
    "01 21": d**2 * E4 + d**2 * (2 * d - 3) * E2**2,
    "01 12": d * E4 + (d**3 + d**2 - 3 * d) * E2**2,
    "00 12": d * E4 + (d**3 + d**2 - 3 * d) * E2**2,
    "01 23": d**2 * E4 + (2 * d**4 - 3 * d**2) * E2**2,
}


@pytest.mark.parametrize("label", IID)
def test_iid_variances(label):
    graph = Multigraph([(int(a), int(b)) for a, b in label.split()])
    assert sympy.expand(iid_variance(graph, E2, E4) - IID[label]) == 0


def test_iid_variances_of_uniform_entries_by_monte_carlo():
    matrices = np.random.default_rng(0).uniform(-1, 1, size=(200_000, 5, 5))
    values = evaluate(matrices, statistics_graphs())
    exact = [
        float(iid_variance(g, sympy.Rational(1, 3), sympy.Rational(1, 5)).subs(SIZE, 5)) for g in statistics_graphs()
    ]
    # the variance of a variance, from the fourth moments
    centred = values - values.mean(axis=0)
    error = np.sqrt(((centred**2 - centred.var(axis=0)) ** 2).mean(axis=0) / len(values))
    assert (np.abs(values.var(axis=0) - exact) / error).max() < 4.5


def test_covariances_by_monte_carlo(random_model):
    model, graphs = random_model(4, seed=1), statistics_graphs()
    exact = lambdify((SIZE, *PARAMETERS), [[covariance(g, h) for h in graphs] for g in graphs])
    exact = np.array(exact(4, *model.parameters))
    values = evaluate(model.sample(200_000, seed=2), graphs)
    values = values - values.mean(axis=0)
    products = values[:, :, None] * values[:, None, :]
    error = products.std(axis=0) / np.sqrt(len(values))
    assert (np.abs(products.mean(axis=0) - exact) / error).max() < 5


def test_covariance_at_integer_sizes():
    for g, h in zip(multigraphs(2), reversed(multigraphs(2)), strict=True):
        assert sympy.expand(covariance(g, h).subs(SIZE, 6) - covariance(g, h, size=6)) == 0


def test_parameter_covariance_by_the_delta_method(random_model):
    """J Cov(T) J^T, J the derivative of the inverse map, is the Wishart law's leading order."""
    model, graphs = random_model(5, seed=3), statistics_graphs()
    averages = [statistic_symbol(g) for g in graphs]
    jacobian = Matrix(inverse_map()).jacobian(averages)
    at = dict(zip(averages, model.expectation(graphs), strict=True)) | {SIZE: 5}
    j = np.array(jacobian.subs(at).evalf(), dtype=float)
    values = dict(zip(PARAMETERS, model.parameters, strict=True)) | {SIZE: 5}
    cov = np.array([[float(covariance(g, h).subs(values)) for h in graphs] for g in graphs])
    expected = np.array(parameter_covariance().subs(values).evalf(), dtype=float)
    np.testing.assert_allclose(j @ cov @ j.T, expected, rtol=1e-8, atol=1e-8 * np.abs(expected).max())


def test_parameter_errors_at_a_gaussian_initialisation():
    """Squared standard deviations times n at variance s2, by the Wishart law."""
    s2 = symbols("s2", positive=True)
    iid = dict(zip(PARAMETERS, [0, 0, s2, 0, s2, s2, 0, 0, s2, 0, s2, s2, s2], strict=True))
    found = parameter_covariance().subs(iid)
    expected = [s2, s2, 2 * s2**2, s2**2, 2 * s2**2]
    hook = 2 * s2**2 / (d - 1)
    expected += [hook, hook / 2, hook / 2, hook, hook / 2, hook]
    expected += [4 * s2**2 / (d * (d - 3)), 4 * s2**2 / ((d - 1) * (d - 2))]
    assert all(sympy.simplify(found[k, k] - expected[k]) == 0 for k in range(13))
    assert found.is_diagonal()


@pytest.mark.parametrize("family", [SQUARE, RECTANGULAR, SYMMETRIC, SYMMETRIC_ZERO_DIAGONAL, TWO_SQUARE])
def test_the_maps_are_inverse(family):
    averages = [statistic_symbol(g) for g in statistics_graphs(family)]
    forward = dict(zip(averages, forward_map(family), strict=True))
    parameters = [k.symbol for k in decomposition_of(family).parameters]
    inverse = dict(zip(parameters, inverse_map(family), strict=True))
    for parameter, estimate in inverse.items():
        assert sympy.simplify(estimate.subs(forward) - parameter) == 0
    for average, value in forward.items():
        assert sympy.simplify(value.subs(inverse) - average) == 0


def test_the_inverse_map_is_the_fit(random_model):
    from pigmm.fitting import PIGMM

    matrices = random_model(5, seed=7).sample(20, seed=1)
    values = dict(
        zip(
            map(statistic_symbol, statistics_graphs()),
            evaluate(matrices, statistics_graphs()).mean(axis=0),
            strict=True,
        )
    )
    found = [float(estimate.subs(values | {SIZE: 5})) for estimate in inverse_map()]
    np.testing.assert_allclose(found, PIGMM.fit(matrices).parameters, rtol=1e-9, atol=1e-10)


def test_two_point_basis(all_graphs):
    substituted = two_point_coefficients()
    for graph in all_graphs[:65:4] + all_graphs[65::41]:
        difference = two_point_expectation(graph).subs(substituted) - expectation(graph)
        for size in (4, 5, 6, 11):  # at integers, where the square roots are unique
            assert sympy.expand(difference.subs(SIZE, size)) == 0
        at_six = two_point_expectation(graph, size=6)
        assert sympy.expand(two_point_expectation(graph).subs(SIZE, 6) - at_six) == 0
        assert all(c.is_Integer for c in at_six.as_coefficients_dict().values())


def test_leading_terms_that_cancel_are_refused():
    mu = PARAMETERS[0]
    with pytest.raises(ValueError, match="cancel"):
        leading_term(SIZE * (SIZE - 1) * mu - SIZE**2 * mu)


def test_variances_are_of_one_square_matrix():
    with pytest.raises(ValueError, match="one of square matrices"):
        iid_variance(Multigraph([(0, 1)], kinds=[0, 1]), E2, E4)
    with pytest.raises(ValueError, match="degree 1 or 2"):
        iid_variance(multigraphs(3)[0], E2, E4)


def test_leading_terms():
    for graph in multigraphs(3)[::5]:
        exact = expectation(graph)
        leading = leading_term(exact)
        power = max(term.as_coeff_exponent(SIZE)[1] for term in sympy.Add.make_args(leading))
        at = {p: sympy.Rational(k + 2, 7) for k, p in enumerate(PARAMETERS)} | {SIZE: 10**12}
        scale = sympy.Integer(10**12) ** power
        assert abs(float(((exact - leading).subs(at) / scale).evalf(30))) < 1e-4
        assert leading.subs(at) != 0
