# %% [markdown]
# # 11. What a wide ReLU network learns first
#
# A network $f_v(x) = v^T \mathrm{ReLU}(W^T x)$ has $d$ inputs and $m$ hidden units with fixed random weights, $W_{ai}
# \sim N(0, 1/m)$. Only $v$ is trained. For $x \sim N(0, 1)$ gradient descent decays along the eigenvectors of the
# Fisher matrix $I_{ij} = E[\mathrm{ReLU}(w_i x)\, \mathrm{ReLU}(w_j x)]$ as $e^{-\lambda t}$. Its large eigenvalues
# come in four groups (arXiv:2505.17907). Here they are found exactly for $m \to \infty$.
#
# ## The kernel
#
# In the plane of $w_i$ and $w_j$, at the angle $t$, the integral over $x$ is one over an angle: of the inputs in
# polar coordinates only the sector counts that both units see.

# %%
from math import comb

import numpy as np
import sympy

import pigmm.spectra as spectra

t, phi, r = sympy.symbols("t phi r", positive=True)
radial = sympy.integrate(r**3 * sympy.exp(-(r**2) / 2), (r, 0, sympy.oo)) / (2 * sympy.pi)
sector = sympy.integrate(sympy.cos(phi) * sympy.cos(phi - t), (phi, t - sympy.pi / 2, sympy.pi / 2))
kernel = radial * sector
expected = (sympy.sin(t) + (sympy.pi - t) * sympy.cos(t)) / (2 * sympy.pi)
assert sympy.simplify(kernel - expected) == 0
for angle in (0.3, 1.5, 3.0):
    pair = np.array([[2.0, 3 * np.cos(angle)], [0.0, 3 * np.sin(angle)]])
    assert abs(spectra.relu_fisher_matrix(pair)[0, 1] - 6 * float(kernel.subs(t, angle))) < 1e-12

# %% [markdown]
# ## Spherical harmonics
#
# For $m \to \infty$ the matrix acts on functions of $w$, and commutes with rotations: on $|w|\, Y_l(w/|w|)$, with
# $Y_l$ a spherical harmonic of degree $l$, it is a number $\lambda_l$. ReLU on the sphere maps $Y_l$ to $a_l Y_l$,
# where (Funk and Hecke) $a_l = E[\mathrm{ReLU}(u)\, P_l(u)]$ with $u$ a coordinate of a random unit vector and $P_l$
# the Gegenbauer polynomial with $P_l(1) = 1$. The kernel does so twice and averages $|x|^2$, which gives $d a_l^2$;
# the sum over the hidden units gives $m E|w|^2 = d$. So $\lambda_l = d^2 a_l^2$.
#
# Moments of $u$ on the positive side: $E[u^k; u > 0] = \Gamma(d/2)\, \Gamma((k+1)/2) / (2 \sqrt\pi\,
# \Gamma((k+d)/2))$.

# %%
d = sympy.Symbol("d", positive=True)


def half_moment(k, dimension):
    """E[u^k; u > 0], u a coordinate of a uniform unit vector."""
    gamma = sympy.gamma
    return (
        gamma(dimension / 2) * gamma(sympy.Rational(k + 1, 2)) / (2 * sympy.sqrt(sympy.pi) * gamma((k + dimension) / 2))
    )


u = sympy.Symbol("u")
for dimension in (3, 5, 8):
    weight = (1 - u**2) ** sympy.Rational(dimension - 3, 2)
    whole = sympy.integrate(weight, (u, -1, 1))
    for k in (0, 1, 3):
        integral = sympy.integrate(u**k * weight, (u, 0, 1)) / whole
        assert sympy.simplify(integral - half_moment(k, sympy.Integer(dimension))) == 0


def coefficient(l, dimension):
    """a_l, from the Gegenbauer polynomial."""
    polynomial = sympy.Poly(sympy.gegenbauer(l, dimension / 2 - 1, u), u)
    scale = polynomial.eval(1)
    return sum(c * half_moment(power + 1, dimension) for (power,), c in polynomial.terms()) / scale


a = [sympy.factor(sympy.expand_func(coefficient(l, d))) for l in range(7)]


def equal(one, other):
    """Whether two expressions of gamma functions are the same."""
    return one == other or sympy.simplify(sympy.expand_func(one / other)) == 1


for l, value in enumerate(a):
    assert equal(spectra.relu_fisher_eigenvalue(d, l), d**2 * value**2), l
print("lambda_0 =", sympy.simplify(d**2 * a[0] ** 2), " lambda_1 =", sympy.simplify(d**2 * a[1] ** 2))

# %% [markdown]
# The odd ones vanish beyond $l = 1$, for $\mathrm{ReLU}(u) = u/2 + |u|/2$, and $a_{l+2}/a_l = (1-l)/(d+l+1)$ for the
# even ones. Harmonics of degree two in $d$ dimensions are the $d(d-1)/2$ products and the $d - 1$ differences of
# squares: four groups in all, $l = 0, 1, 2, 2$.

# %%
assert equal(a[2], a[0] / (d + 1))
assert equal(a[4], -a[2] / (d + 3))
assert a[3] == a[5] == 0
groups = spectra.relu_fisher_eigenvalues(d)
for (value, _), l in zip(groups, (0, 1, 2, 2), strict=True):
    assert equal(value, d**2 * a[l] ** 2)
assert [count for _, count in groups] == [1, d, d * (d - 1) / 2, d - 1]
exact = [sympy.simplify(value.subs(d, 5)) for value, _ in groups]
assert exact[:3] == [sympy.Rational(225, 256), sympy.Rational(1, 4), sympy.Rational(25, 1024)]

# %% [markdown]
# The trace is $m E[|w|^2]/2 = d/2$; the groups have most of it, and all degrees together have all.

# %%
share = float(sum(value * count for value, count in groups).subs(d, 5) / sympy.Rational(5, 2))
print(f"share of the trace at d = 5: {share:.5f}")
assert abs(share - 0.98828) < 1e-5
members = [comb(l + 4, l) - (comb(l + 2, l - 2) if l > 1 else 0) for l in range(41)]
five = sympy.Integer(5)
total = sum(float(spectra.relu_fisher_eigenvalue(five, l)) * members[l] for l in (0, 1, *range(2, 41, 2)))
assert 0.9995 < total / 2.5 < 1

# %% [markdown]
# The paper's values are approximations of these for large $d$: $(2d + 1)/(4\pi)$ and $1/(2\pi(d + 2))$.

# %%
approximate = spectra.relu_fisher_eigenvalues(d, approximate=True)
for k in (0, 2):
    ratio = (approximate[k][0] / groups[k][0]).subs(d, 1000)
    assert abs(float(ratio.evalf()) - 1) < 2e-3
trace = sum(value * count for value, count in approximate) / (d / 2)
assert sympy.simplify(trace - (3 + sympy.pi) / (2 * sympy.pi)) == 0

# %% [markdown]
# ## Their functions
#
# A unit vector $v$ of the group $l$ gives $f_v(x) \to |x| d\, a_l Y_l(x/|x|)$ up to normalisation: with the vectors
# $|w|/\sqrt d$, $w_a$, $\sqrt{d+2}\, w_a w_b/|w|$ and so on these are $F_0 = \sqrt d\, a_0 |x|$, $F_a = x_a/2$,
# $F_{ab} = \sqrt{d+2}\, d\, a_2\, x_a x_b/|x|$. The mean of $F^2$ is the eigenvalue, for $v^T I v = E[f_v^2]$.

# %%
radius_squared = d  # E|x|^2
second = 1 / (d * (d + 2))  # E[u_a^2 u_b^2] on the sphere
assert equal(d * a[0] ** 2 * radius_squared, groups[0][0])
assert equal((d + 2) * d**2 * a[2] ** 2 * radius_squared * second, groups[2][0])
points = np.random.default_rng(0).normal(size=(20, 4))
values = spectra.relu_functions(points)
norm = np.linalg.norm(points, axis=1)
a0, a2 = (float(a[l].subs(d, 4)) for l in (0, 2))
assert np.allclose(values["F_0"], 2 * a0 * norm)
assert np.allclose(values["F_3"], points[:, 2] / 2)
assert np.allclose(values["F_12"], np.sqrt(6) * 4 * a2 * points[:, 0] * points[:, 1] / norm)
# the difference of two squares is a rotated product: F_11 - F_22 at 45 degrees is F_12, times the ratio of norms
turned = np.stack([(points[:, 0] + points[:, 1]), (points[:, 0] - points[:, 1])], axis=1) / np.sqrt(2)
difference = spectra.relu_functions(np.column_stack([turned, points[:, 2:]]))
scale = 2 * np.sqrt(4 * 6 / (2 * 3)) / np.sqrt(6)
assert np.allclose(difference["F_11"] - difference["F_22"], scale * values["F_12"])
