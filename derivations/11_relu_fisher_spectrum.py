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
from scipy.integrate import quad

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
for dimension in (3, 5, 9):
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

# %% [markdown]
# ## Orthogonality in function space
#
# By its definition the Fisher matrix makes the inner product of parameters that of functions: $u^T I v = E[(u^T X)(v^T
# X)] = E[f_u f_v]$. So functions of eigenvectors are orthogonal at every width. So are the limits, but for the $F_{aa}$
# among each other: they add up to zero, and $d$ vectors in $d - 1$ dimensions have cosines of $-1/(d-1)$. Here the mean
# over directions is a sum over points of the sphere that is exact for polynomials of low degree, and $E|x|^2 = d$.

# %%
nodes, heights = np.polynomial.legendre.leggauss(400)
turns = 2 * np.pi * (np.arange(800) + 0.5) / 800
sphere = {
    2: (np.column_stack([np.cos(turns), np.sin(turns)]), np.full(800, 1 / 800)),
    3: (
        np.array([[np.sqrt(1 - z * z) * np.cos(s), np.sqrt(1 - z * z) * np.sin(s), z] for z in nodes for s in turns]),
        np.repeat(heights / 1600, 800),
    ),
}
degrees_of = {2: [0, 1, 1, 2, 2, 2], 3: [0, 1, 1, 1, 2, 2, 2, 2, 2, 2]}
for dimension, (directions, weight) in sphere.items():
    limits = np.array(list(spectra.relu_functions(directions).values()))
    gram = dimension * (limits * weight) @ limits.T
    values = np.array([float(a[l].subs(d, dimension)) ** 2 * dimension**2 for l in degrees_of[dimension]])
    expected = np.diag(values)
    expected[-dimension:, -dimension:] += (np.eye(dimension) - 1) * values[-1] / (dimension - 1)
    assert np.allclose(gram, expected, atol=1e-12)

# %% [markdown]
# ## The components of any function
#
# The integral of Funk and Hecke over $x$ gives $E[\mathrm{ReLU}(w x)\, |x|\, Y_l(x/|x|)] = d\, a_l\, |w|\, Y_l(w/|w|)$.
# With the normalisation above this says that for every network and every $u$
# $$E[f_u F_k] = \lambda_k\, u \cdot v_k .$$
# Components of functions are read off from vectors, without an integral, at every width.

# %%
for dimension, (directions, weight) in sphere.items():
    unit = np.array([[0.3], [-0.8], [0.5]])[:dimension]
    active = np.maximum(directions @ unit, 0)[:, 0]
    limits, vectors = spectra.relu_functions(directions), spectra.relu_eigenvectors(unit)
    for l, name in zip(degrees_of[dimension], limits, strict=True):
        component = dimension * (weight * active) @ limits[name]
        eigenvalue = float(a[l].subs(d, dimension)) ** 2 * dimension**2
        assert abs(component - eigenvalue * vectors[name][0]) < 2e-5, name

# %% [markdown]
# ## Gradient descent
#
# Let the target be $f_t$, and $e = t - v$ what is left to learn. The loss is $E[(f_v - f_t)^2]/2 = e^T I e/2$, its
# gradient in $v$ is $-I e$. So gradient flow gives $e(s) = e^{-I s} e(0)$, and a step $\eta$ of descent takes $e$ to
# $(1 - \eta I) e$: along an eigenvector $e^{-\lambda s}$ and $(1 - \eta\lambda)^s$. Here for two orthogonal units,
# by the library's matrix.

# %%
s, eta = sympy.symbols("s eta", positive=True)
start = sympy.Matrix(sympy.symbols("e_1 e_2"))
exact = sympy.Matrix([[sympy.Rational(1, 2), 1 / (2 * sympy.pi)], [1 / (2 * sympy.pi), sympy.Rational(1, 2)]])
assert np.allclose(np.array(exact.evalf(20), dtype=float), spectra.relu_fisher_matrix(np.eye(2)))
pairs = [(value, vector / vector.norm()) for value, _, (vector,) in exact.eigenvects()]
flow = sum((v * sympy.exp(-value * s) * v.dot(start) for value, v in pairs), sympy.zeros(2, 1))
assert sympy.simplify(sympy.diff(flow, s) + exact * flow) == sympy.zeros(2, 1)
assert sympy.simplify(flow.subs(s, 0) - start) == sympy.zeros(2, 1)
step = sum((v * (1 - eta * value) * v.dot(start) for value, v in pairs), sympy.zeros(2, 1))
assert sympy.simplify(step - (start - eta * exact * start)) == sympy.zeros(2, 1)

# %% [markdown]
# With the last section: the component of what is left on $F_k$ is $\lambda_k\, v_k \cdot e(s)$. For wide networks it
# falls as $e^{-\lambda_k s}$. So $F_0$ is learnt $(d+1)^2$ times as fast as $F_{ab}$.

# %%
assert equal(groups[0][0], groups[2][0] * (d + 1) ** 2)

# %% [markdown]
# ## Finite width
#
# The kernel is a sum over harmonics of all degrees, $I = \sum_k \lambda_k v_k v_k^T$. By the addition theorem the sum
# over one degree of $Y_k(x) Y_k(y)$ is $N_l P_l(x \cdot y)$. The number $N_l$ of harmonics is that of monomials of
# degree $l$ less that of degree $l - 2$.

# %%
most = 40
all_degrees = [0, 1, *range(2, most + 1, 2)]


def number_of(l, dimension):
    """Harmonics of degree l."""
    return comb(l + dimension - 1, l) - (comb(l + dimension - 3, l - 2) if l > 1 else 0)


def eigenvalues_of(dimension):
    """lambda_l by the recurrence above."""
    found = {0: a[0].subs(d, dimension), 1: sympy.Rational(1, 2) / dimension}
    for l in all_degrees[2:]:
        found[l] = found[l - 2] * sympy.Rational(1 - (l - 2), dimension + l - 1)
    return {l: float(dimension**2 * value**2) for l, value in found.items()}


for dimension in (3, 5):
    own = eigenvalues_of(dimension)
    assert all(spectra.relu_multiplicity(dimension, l) == number_of(l, dimension) for l in all_degrees)
    for angle in (0.4, 1.3, 2.5):
        total = 0.0
        for l in all_degrees:
            legendre = sympy.gegenbauer(l, sympy.Rational(dimension, 2) - 1, u)
            value = float(legendre.subs(u, sympy.Float(np.cos(angle), 50)) / legendre.subs(u, 1))
            total += own[l] * number_of(l, dimension) * value / dimension
        assert abs(total - float(kernel.subs(t, angle))) < 1e-3

# %% [markdown]
# So $I = \Phi \Lambda \Phi^T$ with the columns $v_k$. Its eigenvalues are those of $\Lambda^{1/2} G \Lambda^{1/2}$ with
# the Gram matrix $G = \Phi^T \Phi$. This is a sum over independent units, with mean 1. For $k \neq j$ the variance of
# $G_{kj}$ is $m E[v_k(w)^2 v_j(w)^2] = E|g|^4/(d^2 m)\, E[Y_k^2 Y_j^2]$, $g \sim N(0, 1)$. Summed over $j$ of one
# degree it is $(d+2) N_h/(d m)$ for each $k$, by the addition theorem; of $k$'s own degree $1/m$ less.
#
# The rest is perturbation theory for $G = 1 + \epsilon g$. Two modes are enough, for in second order each other mode
# acts by itself. With $y$ the eigenvector of $\Lambda^{1/2} G \Lambda^{1/2}$, that of $I$ is $\Phi \Lambda^{1/2} y$.
# Its function is $\sum_k y_k F_k/\sqrt{\lambda_k}$.

# %%
epsilon, mixed, one, two = sympy.symbols("epsilon g_12 lambda_1 lambda_2", positive=True)
gram = sympy.Matrix([[1, epsilon * mixed], [epsilon * mixed, 1]])
root = sympy.diag(sympy.sqrt(one), sympy.sqrt(two))
middle = root * gram * root
shift = one * two * mixed**2 / (one - two)
determinant = (middle - (one + epsilon**2 * shift) * sympy.eye(2)).det()
assert sympy.simplify(sympy.series(determinant, epsilon, 0, 3).removeO()) == 0
y = sympy.Matrix([1, epsilon * sympy.sqrt(one * two) * mixed / (one - two)])  # to first order
residue = middle * y - one * y
assert all(sympy.simplify(sympy.series(entry, epsilon, 0, 2).removeO()) == 0 for entry in residue)
# functions: the share of the second limit in the first eigenvector's function
functions_outside = y[1] ** 2 / epsilon**2
assert sympy.simplify(functions_outside - one * two * mixed**2 / (one - two) ** 2) == 0
# vectors: the share of v_1 along the second eigenvector, by (v_1 . u) = (G Lambda^(1/2) y)_1 / sqrt(lambda)
other = sympy.Matrix([epsilon * sympy.sqrt(one * two) * mixed / (two - one), 1])
along = (gram * root * other)[0] / sympy.sqrt(two)
vectors_outside = sympy.series(along, epsilon, 0, 2).removeO() ** 2 / epsilon**2
assert sympy.simplify(vectors_outside - mixed**2 * two**2 / (one - two) ** 2) == 0

# %% [markdown]
# Sums over all degrees, with the variance of $G$ for $g_{12}^2$, give what a width of $m$ changes in the mean of a
# group's eigenvalues, how much of the vectors and of the functions is elsewhere, and to first order how the
# eigenvalues of a group spread. The error of the function of a $v_k$, $E[(f_v - F_k)^2] = \sum_j \lambda_j G_{kj}^2 - 2
# \lambda_k G_{kk} + \lambda_k$, is exact: on average $((d + 2)/2 - \lambda_k)/m$, since $\sum_h N_h \lambda_h = d/2$.

# %%
for dimension, hidden in ((3, 400), (5, 3000), (10, 3000)):
    own = eigenvalues_of(dimension)
    variance = (dimension + 2) / (dimension * hidden)
    beyond = dimension / 2 - sum(number_of(l, dimension) * own[l] for l in all_degrees)
    for found, l in zip(spectra.relu_finite_width(dimension, hidden), (0, 1, 2), strict=True):
        count, value = number_of(l, dimension), own[l]
        rest = [(number_of(h, dimension), own[h]) for h in all_degrees if h != l]
        pushed = sum(n * value * x / (value - x) for n, x in rest) + beyond
        assert abs(found.mean - value - variance * pushed) < 1e-9 * value
        spread = value**2 * (variance * count - 1 / hidden)
        assert abs(found.spread**2 / spread - 1) < 1e-9
        outside = variance * sum(n * x**2 / (value - x) ** 2 for n, x in rest)
        assert abs(found.vector_leak / outside - 1) < 1e-6
        outside = variance * (sum(n * value * x / (value - x) ** 2 for n, x in rest) + beyond / value)
        assert abs(found.function_leak / outside - 1) < 1e-6
        assert abs(found.function_error * value * hidden - ((dimension + 2) / 2 - value)) < 1e-9
        assert (found.degree, found.multiplicity) == (l, count)
        assert abs(found.eigenvalue / value - 1) < 1e-9

# %% [markdown]
# For $d = 10$ and $m = 3000$ the mean of the largest eigenvalue is shifted by one part in a thousand. That of one
# network scatters by eight, for $\sum_i |w_i|^2$ does.

# %%
first = spectra.relu_finite_width(10, 3000)[0]
print(f"shift {first.mean / first.eigenvalue - 1:.2%}, scatter {first.spread / first.eigenvalue:.2%}")

# %% [markdown]
# ## A matrix model
#
# The law of the Fisher matrix is invariant under permutations of the units. Its first and second moments, which fix the
# symmetric Gaussian model of [derivation 8](08_symmetric_and_several_matrices.py), are means over angles and lengths. A
# unit that occurs in one entry only leaves of this the part of degree 0; two entries of the same two units leave
# $\sum_l N_l \lambda_l^2$.


# %%
def over_angles(power, dimension):
    """The mean of a power of the kernel over the angle of two random directions."""
    whole = quad(lambda angle: np.sin(angle) ** (dimension - 2), 0, np.pi)[0]

    def integrand(angle):
        value = (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / (2 * np.pi)
        return value**power * np.sin(angle) ** (dimension - 2) / whole

    return quad(integrand, 0, np.pi)[0]


def length(power, dimension):
    """E|g|^power, g ~ N(0, 1)."""
    density = r ** (dimension - 1) * sympy.exp(-(r**2) / 2)
    return float(sympy.integrate(r**power * density, (r, 0, sympy.oo)) / sympy.integrate(density, (r, 0, sympy.oo)))


for dimension, hidden in ((3, 8), (5, 12)):
    own = eigenvalues_of(dimension)
    turned, both = over_angles(1, dimension), over_angles(2, dimension)
    assert abs(turned - own[0] / dimension) < 1e-9
    assert abs(both - sum(number_of(l, dimension) * own[l] ** 2 for l in all_degrees) / dimension**2) < 1e-6
    one, two, three, four = (length(power, dimension) / hidden ** (power / 2) for power in (1, 2, 3, 4))
    by_hand = {
        "00": two / 2,
        "01": turned * one**2,
        "00 00": four / 4,
        "00 11": two**2 / 4,
        "00 01": turned * three * one / 2,
        "00 12": turned * two * one**2 / 2,
        "01 01": both * two**2,
        "01 12": turned**2 * one**2 * two,
        "01 23": turned**2 * one**4,
    }
    moments = spectra.relu_fisher_moments(dimension, hidden)
    assert list(moments) == list(by_hand)
    for label, value in by_hand.items():
        assert abs(moments[label] / value - 1) < 1e-6, label
