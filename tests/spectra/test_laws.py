"""Laws of eigenvalues: transforms are inverse to each other, and outliers are those of large random matrices."""

import numpy as np
import pytest
import sympy

from pigmm.spectra import EmpiricalLaw, FreeSum, MarchenkoPastur, Semicircle, density, effective_damping

LAWS = [Semicircle(0.7), MarchenkoPastur(0.3, 2.0), MarchenkoPastur(1.0), MarchenkoPastur(3.0, 0.5)]
P = 1500


def goe(size, rng):
    """Symmetric, eigenvalues on [-2, 2]."""
    a = rng.normal(size=(size, size))
    return (a + a.T) / np.sqrt(2 * size)


def rademacher(size, rng):
    """Symmetric, entries +-1/sqrt(size)."""
    signs = rng.choice([-1.0, 1.0], size=(size, size))
    return (np.triu(signs) + np.triu(signs, 1).T) / np.sqrt(size)


def wishart(size, rng):
    """s Y Y^T / n with c = 1/2, s = 1."""
    y = rng.normal(size=(size, 2 * size))
    return y @ y.T / (2 * size)


@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_the_r_transform_inverts_the_stieltjes_transform(law):
    z = np.array([7.0, 12.0, -5.0, 3 + 2j, -1 - 0.5j])
    g = law.stieltjes(z)
    assert np.allclose(law.r_transform(g) + 1 / g, z, rtol=1e-12)
    assert np.allclose(1e6 * law.stieltjes(1e6), 1, atol=1e-4)


@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_the_s_transform_is_that_of_the_same_law(law):
    t = np.array([0.1, 0.5])
    g = t * law.s_transform(t)
    assert np.allclose(g * law.r_transform(g), t)


@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_the_density_is_of_mass_one_and_on_the_support(law):
    lower, upper = law.support
    x = lower + (upper - lower) * (1 - np.cos(np.linspace(0, np.pi, 20001))) / 2
    mass = np.trapezoid(density(law, x, 1e-9), x)
    assert mass + getattr(law, "share_of_zeros", 0.0) == pytest.approx(1, abs=2e-3)
    assert density(law, [upper + 0.5, -1.0 + min(lower, 0)], 1e-9).max() < 1e-6


def test_the_cumulative_semicircle_is_the_integral_of_its_density():
    law = Semicircle(1.5)
    x = np.linspace(-3, 3, 2001)
    sums = np.concatenate([[0.0], np.cumsum((density(law, x, 1e-9)[1:] + density(law, x, 1e-9)[:-1]) / 2 * np.diff(x))])
    assert np.abs(law.cdf(x) - sums).max() < 1e-4


@pytest.mark.parametrize(
    ("make", "law", "spikes"),
    [
        (goe, Semicircle(1.0), [5.0, 3.0, 2.0, -4.0]),
        (rademacher, Semicircle(1.0), [5.0, 3.0, 2.0, -4.0]),
        (wishart, MarchenkoPastur(0.5), [4.0, 2.5, -3.0]),
    ],
    ids=["GOE", "Rademacher", "Wishart"],
)
def test_outliers_of_spiked_matrices(make, law, spikes):
    rng = np.random.default_rng(3)
    noise = make(P, rng)
    directions = np.linalg.qr(rng.normal(size=(P, len(spikes))))[0]
    values = np.linalg.eigvalsh(noise + directions * spikes @ directions.T)
    for spike, predicted in zip(spikes, law.outlier(spikes), strict=True):
        assert np.abs(values - predicted).min() < 3 / np.sqrt(P) * max(1.0, abs(spike) / 2)
    # as many outside the bulk as spikes are not swallowed
    lower, upper = law.support
    assert ((values < lower - 0.1) | (values > upper + 0.1)).sum() == len(spikes)
    # the measured noise itself predicts them too
    empirical = EmpiricalLaw(np.linalg.eigvalsh(noise)).outlier(spikes)
    assert np.allclose(empirical, law.outlier(spikes), atol=0.05)


@pytest.mark.parametrize(
    ("law", "spikes", "swallowed"),
    [
        (Semicircle(2.0), [1.9, -2.0, 2.1, -2.1], [True, True, False, False]),
        # c s = 3, sqrt(c) s = sqrt(3): the gap between the zeros and the bulk holds outliers too
        (MarchenkoPastur(3.0), [1.0, 1.3, 4.7, 4.8, -0.5], [False, True, True, False, False]),
    ],
    ids=repr,
)
def test_which_spikes_are_swallowed(law, spikes, swallowed):
    assert np.isnan(law.outlier(spikes)).tolist() == swallowed
    lower, upper = law.support
    places = law.outlier(spikes)[~np.array(swallowed)]
    assert ((places < lower) | (places > upper)).all()


def test_an_outlier_in_the_gap_beside_the_zeros():
    rng = np.random.default_rng(0)
    y = rng.normal(size=(900, 300))
    u = rng.normal(size=900)
    u /= np.linalg.norm(u)
    values = np.linalg.eigvalsh(y @ y.T / 300 + 0.8 * np.outer(u, u))
    predicted = float(MarchenkoPastur(3.0).outlier(0.8))
    assert 0.05 < predicted < MarchenkoPastur(3.0).support[0]
    assert np.abs(values - predicted).min() < 0.05


def test_exact_outliers():
    s, c, theta = sympy.symbols("s c theta", positive=True)
    assert Semicircle(s).outlier(theta) == theta + s**2 / theta
    assert sympy.simplify(MarchenkoPastur(c, s).outlier(theta) - theta - s / (1 - c * s / theta)) == 0
    assert Semicircle(sympy.Integer(1)).outlier(sympy.Rational(1, 2)) is sympy.nan
    assert Semicircle(sympy.Integer(1)).outlier(sympy.Integer(3)) == sympy.Rational(10, 3)
    assert MarchenkoPastur(sympy.Integer(1), sympy.Integer(1)).outlier(sympy.Integer(1)) is sympy.nan


def test_a_free_sum_of_semicircles_is_a_semicircle():
    z = np.array([0.3 + 0.05j, -4 + 0.2j, 1 - 1j, 8 + 1e-3j])
    total = FreeSum(Semicircle(0.6), Semicircle(0.8))
    assert np.allclose(total.stieltjes(z), Semicircle(1.0).stieltjes(z), atol=1e-10)


def test_a_free_sum_has_the_spectrum_of_the_sum_of_matrices():
    rng = np.random.default_rng(1)
    values = np.linalg.eigvalsh(goe(P, rng) + wishart(P, rng))
    z = np.array([0.5, 1.0, 2.0]) + 0.3j
    total = FreeSum(Semicircle(1.0), MarchenkoPastur(0.5))
    assert np.allclose(total.stieltjes(z), EmpiricalLaw(values).stieltjes(z), atol=5 / P)
    # subordination: G(z) = G_1(w_1) = G_2(w_2), w_1 + w_2 = z + 1/G
    first, second = total.subordination(z)
    assert np.allclose(total.first.stieltjes(first), total.second.stieltjes(second), atol=1e-10)
    assert np.allclose(first + second, z + 1 / total.stieltjes(z), atol=1e-10)
    # and the polynomial vanishes there
    g, symbol = sympy.symbols("g z")
    exact = FreeSum(Semicircle(sympy.Integer(1)), MarchenkoPastur(sympy.Rational(1, 2), sympy.Integer(1)))
    equation = sympy.lambdify((g, symbol), exact.equation(g, symbol).as_expr())
    assert np.abs(equation(total.stieltjes(z), z)).max() < 1e-9


@pytest.mark.parametrize(("theta", "damping"), [(3.0, 2.5), (-1.0, 4.0)])
def test_the_step_along_a_spike(theta, damping):
    rng = np.random.default_rng(2)
    u = rng.normal(size=P)
    u /= np.linalg.norm(u)
    hessian = goe(P, rng) + theta * np.outer(u, u)
    measured = u @ np.linalg.solve(hessian + damping * np.eye(P), u)
    effective = effective_damping(Semicircle(1.0), damping)
    assert float(effective) == pytest.approx((damping + np.sqrt(damping**2 - 4)) / 2)
    assert measured == pytest.approx(1 / (theta + float(effective)), rel=10 / np.sqrt(P))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Semicircle(-1.0), "s must be a positive number, got -1.0"),
        (lambda: MarchenkoPastur(float("nan")), "c must be a positive number"),
        (lambda: EmpiricalLaw(np.array([1.0, np.inf])), "eigenvalues must be finite, got 1 that are not"),
        (lambda: EmpiricalLaw(np.eye(2)), "one axis"),
        (lambda: EmpiricalLaw(np.array([1.0, 2.0])).r_transform(0.0), "g must be finite and not zero"),
        (lambda: FreeSum(Semicircle(1.0), Semicircle(1.0)).stieltjes(1.0), "off the real axis"),
        (lambda: FreeSum(Semicircle(1.0), Semicircle(1.0)).equation(*sympy.symbols("g z")), "exact parameters"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(ValueError, match=message):
        make()
