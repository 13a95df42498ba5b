"""The Fisher matrix of two-layer ReLU networks, its eigenvalues at large width, and their functions."""

import numpy as np
import pytest
import sympy
from scipy.integrate import quad
from scipy.sparse.linalg import eigsh
from scipy.special import eval_gegenbauer, gamma

from pigmm.spectra import (
    relu_eigenvectors,
    relu_finite_width,
    relu_fisher_eigenvalue,
    relu_fisher_eigenvalues,
    relu_fisher_matrix,
    relu_fisher_moments,
    relu_functions,
    relu_multiplicity,
)

M = 3000


@pytest.fixture(scope="module", params=[5, 10])
def wide(request):
    """d, weights and the Fisher matrix of a wide network."""
    d = request.param
    weights = np.random.default_rng(d).normal(scale=M**-0.5, size=(d, M))
    return d, weights, relu_fisher_matrix(weights)


def test_the_matrix_is_the_second_moment_of_the_activations():
    """By Monte Carlo over the inputs: half a million, each entry within five standard errors."""
    rng = np.random.default_rng(0)
    w = rng.normal(size=(3, 6))
    x = np.maximum(rng.normal(size=(500_000, 3)) @ w, 0)
    products = x[:, :, None] * x[:, None, :]
    error = products.std(axis=0) / np.sqrt(len(x))
    assert (np.abs(products.mean(axis=0) - relu_fisher_matrix(w)) < 5 * error).all()


def test_parallel_opposite_and_dead_units():
    fisher = relu_fisher_matrix([[1.0, 2.0, -1.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    assert np.allclose(fisher, [[0.5, 1, 0, 0], [1, 2, 0, 0], [0, 0, 0.5, 0], [0, 0, 0, 0]])


def funk_hecke(d, degree):
    """The eigenvalue by quadrature of ReLU against the Gegenbauer polynomial, on the sphere in d dimensions."""
    order = d / 2 - 1
    norm = gamma(d / 2) / (np.sqrt(np.pi) * gamma((d - 1) / 2))
    scale = eval_gegenbauer(degree, order, 1.0)

    def integrand(t):
        return t * eval_gegenbauer(degree, order, t) / scale * (1 - t * t) ** ((d - 3) / 2) * norm

    return (d * quad(integrand, 0, 1)[0]) ** 2


@pytest.mark.parametrize("d", [3, 4, 5, 10])
@pytest.mark.parametrize("degree", range(7))
def test_eigenvalues_are_those_of_funk_and_hecke(d, degree):
    assert float(relu_fisher_eigenvalue(d, degree)) == pytest.approx(funk_hecke(d, degree), rel=1e-8, abs=1e-12)


def test_eigenvalues_add_up_to_the_trace():
    """The trace is d/2; harmonics of degree l in d dimensions have C(l+d-1, l) - C(l+d-3, l-2) members."""
    from math import comb

    d = 5
    total = sum(
        float(relu_fisher_eigenvalue(d, l)) * (comb(l + d - 1, l) - (comb(l + d - 3, l - 2) if l > 1 else 0))
        for l in [0, 1, *range(2, 120, 2)]
    )
    assert total == pytest.approx(d / 2, rel=1e-4)


def test_four_groups():
    d = sympy.Symbol("d", positive=True)
    (first, one), (second, linear), (third, products), (fourth, squares) = relu_fisher_eigenvalues(d)
    assert (one, linear, second) == (1, d, sympy.Rational(1, 4))
    assert sympy.simplify(products + squares - (d * (d + 1) / 2 - 1)) == 0
    assert sympy.gammasimp(third * (d + 1) ** 2 / first) == 1
    assert third == fourth
    assert [value.subs(d, 5) for value in (first, third)] == [sympy.Rational(225, 256), sympy.Rational(25, 1024)]
    assert relu_fisher_eigenvalues(10)[0][0] == pytest.approx(1.673012, abs=1e-6)
    assert relu_fisher_eigenvalues(10)[2] == (pytest.approx(0.0138265, abs=1e-7), 45)


def test_approximate_groups_have_their_share_of_the_trace():
    d = sympy.Symbol("d", positive=True)
    total = sum(value * count for value, count in relu_fisher_eigenvalues(d, approximate=True))
    assert sympy.simplify(total / (d / 2) - (3 + sympy.pi) / (2 * sympy.pi)) == 0


def test_spectra_of_wide_networks(wide):
    d, _, fisher = wide
    groups = relu_fisher_eigenvalues(d)
    large = sum(count for _, count in groups)
    values = eigsh(fisher, large + 1, return_eigenvectors=False, v0=np.ones(M))[::-1]
    start = 0
    for value, count in (groups[0], groups[1], (groups[2][0], groups[2][1] + groups[3][1])):
        assert values[start : start + count].mean() == pytest.approx(value, rel=0.05)
        start += count
    # a clear gap below the four groups
    assert values[start] < 0.4 * values[start - 1]
    assert np.trace(fisher) == pytest.approx(d / 2, rel=0.05)


def test_eigenvectors_of_wide_networks(wide):
    d, weights, fisher = wide
    groups = relu_fisher_eigenvalues(d)
    vectors = list(relu_eigenvectors(weights).values())
    assert len(vectors) == 1 + d + d * (d + 1) // 2
    for k, v in enumerate(vectors):
        value = groups[min(k, 1) if k <= d else 2][0]
        assert np.linalg.norm(v) == pytest.approx(1, abs=0.1)
        assert v @ fisher @ v / (v @ v) == pytest.approx(value, rel=0.1, abs=25 / M)  # others leak in, as 1/m


def test_functions_of_wide_networks_and_their_orthogonality():
    d, m = 3, 200_000
    rng = np.random.default_rng(1)
    weights, x = rng.normal(scale=m**-0.5, size=(d, m)), rng.normal(size=(50, d))
    active = np.maximum(x @ weights, 0)
    limits = relu_functions(x)
    for name, v in relu_eigenvectors(weights).items():
        assert np.abs(active @ v - limits[name]).max() < 0.02 * np.abs(limits["F_0"]).max()
    many = relu_functions(rng.normal(size=(400_000, d)))
    table = np.array([many[name] for name in many])
    moments = table @ table.T / table.shape[1]
    values = relu_fisher_eigenvalues(d)
    expected = [values[0][0], *[0.25] * d, *[values[2][0]] * 6]
    assert np.diagonal(moments) == pytest.approx(expected, rel=0.03)
    off = moments - np.diag(np.diagonal(moments))
    off[-d:, -d:] = 0  # the squares add up to zero
    assert np.abs(off).max() < 0.01


def test_the_function_of_any_vector_has_its_components():
    """E[f_u F_k] = lambda_k u.v_k at every width, by half a million inputs within five standard errors."""
    d, m = 3, 7
    rng = np.random.default_rng(4)
    weights, u = rng.normal(scale=m**-0.5, size=(d, m)), rng.normal(size=m)
    x = rng.normal(size=(500_000, d))
    values, limits = np.maximum(x @ weights, 0) @ u, relu_functions(x)
    groups = [0, 1, 1, 1, 2, 2, 2, 2, 2, 2]
    for degree, (name, v) in zip(groups, relu_eigenvectors(weights).items(), strict=True):
        products = values * limits[name]
        error = products.std() / np.sqrt(len(x))
        assert abs(products.mean() - float(relu_fisher_eigenvalue(d, degree)) * (u @ v)) < 5 * error


def test_finite_width_of_many_networks():
    """Means over 400 networks of 400 units for three inputs, each within four standard errors and 3/m of the value."""
    d, m, networks = 3, 400, 400
    rng = np.random.default_rng(6)
    spaces = relu_finite_width(d, m)
    ends = np.cumsum([0, *(space.multiplicity for space in spaces)])
    measured = {name: np.empty((networks, 3)) for name in ("mean", "spread", "vector_leak", "function_leak", "error")}
    for network in range(networks):
        weights = rng.normal(scale=m**-0.5, size=(d, m))
        fisher, vectors = relu_fisher_matrix(weights), np.array(list(relu_eigenvectors(weights).values()))
        large, own = eigsh(fisher, ends[-1], v0=np.ones(m))
        large, own = large[::-1], own[:, ::-1]
        for k, space in enumerate(spaces):
            mine = slice(ends[k], ends[k + 1])
            v = vectors[ends[k] : ends[k + 1] + (k == 2)]  # the squares have one more than their dimension
            overlaps, norms = (v @ own[:, mine]) ** 2, (v**2).sum(axis=1)
            measured["mean"][network, k] = large[mine].mean()
            measured["spread"][network, k] = ((large[mine] - space.eigenvalue) ** 2).mean()
            measured["vector_leak"][network, k] = (1 - overlaps.sum(axis=1) / norms).mean()
            measured["function_leak"][network, k] = (1 - space.eigenvalue * (overlaps / large[mine]).sum(axis=1)).mean()
            size = ((v @ fisher) * v).sum(axis=1) / space.eigenvalue
            measured["error"][network, k] = (size - 2 * norms + 1).mean()
    expected = {
        "mean": [space.mean for space in spaces],
        "spread": [space.spread**2 for space in spaces],
        "vector_leak": [space.vector_leak for space in spaces],
        "function_leak": [space.function_leak for space in spaces],
        "error": [space.function_error for space in spaces],
    }
    for name, values in measured.items():
        error = values.std(axis=0) / np.sqrt(networks)
        beyond = 0.06 * np.abs(expected[name]) if name != "mean" else 3e-5 * np.abs(expected[name])  # order 1/m^2
        assert (np.abs(values.mean(axis=0) - expected[name]) < 4 * error + beyond).all(), name


def test_multiplicities_are_the_dimensions_of_harmonics():
    assert [relu_multiplicity(3, degree) for degree in range(5)] == [1, 3, 5, 7, 9]
    assert [relu_multiplicity(2, degree) for degree in range(5)] == [1, 2, 2, 2, 2]
    assert sum(relu_multiplicity(10, degree) for degree in range(3)) == 1 + 10 + 54


@pytest.mark.parametrize("d", [2, 5])
def test_moments_of_fisher_matrices(d):
    """Nine moments over 40,000 matrices, each within five standard errors."""
    m, rng = 5, np.random.default_rng(7)
    fisher = np.array([relu_fisher_matrix(rng.normal(scale=m**-0.5, size=(d, m))) for _ in range(40_000)])
    for label, expected in relu_fisher_moments(d, m).items():
        product = np.ones(len(fisher))
        for i, j in label.split():
            product = product * fisher[:, int(i), int(j)]
        assert abs(product.mean() - expected) < 5 * product.std() / np.sqrt(len(fisher)), label


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: relu_fisher_matrix(np.ones(3)), r"weights must be \(d, m\)"),
        (lambda: relu_fisher_matrix([[np.nan]]), "weights must be finite"),
        (lambda: relu_fisher_eigenvalues(1), "dimension must be an integer of at least 2, got 1"),
        (lambda: relu_fisher_eigenvalues(2.5), "dimension must be an integer"),
        (lambda: relu_finite_width(3, 0), "hidden must be an integer of at least 1, got 0"),
        (lambda: relu_multiplicity(1, 2), "dimension must be an integer of at least 2, got 1"),
        (lambda: relu_fisher_moments(3, 1.5), "hidden must be an integer of at least 1, got 1.5"),
        (lambda: relu_fisher_eigenvalue(3, -1), "degree must be at least 0, got -1"),
        (lambda: relu_eigenvectors([[1.0, 0.0], [0.0, 0.0]]), "no unit without weights"),
        (lambda: relu_functions([[0.0, 0.0]]), "must not be zero"),
        (lambda: relu_functions([1.0]), "inputs must be finite"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()
