# %% [markdown]
# # 4. The quadratic expectation values, and their inverse
#
# A Gaussian model is fitted by matching averages: 2 linear and 11 quadratic ones. So two maps are needed, from the 13
# parameters to the 13 averages and back. Both follow from three vectors: the column sums, the row sums and the
# diagonal of a matrix,
#
# $$c_j = \sum_i M_{ij}, \qquad r_i = \sum_j M_{ij}, \qquad d_i = M_{ii}.$$
#
# ## The three vectors in components
#
# In the decomposition of the matrices write $X_1, X_2$ for the two invariant components and $h^1, h^2, h^3$ for the
# three vectors of zero sum:
#
# $$M_{ij} = \frac{X_1}{N} + X_2 \frac{F_{ij}}{\sqrt{N-1}} + \sum_a \Big( h^1_a \frac{F_{aj}}{\sqrt N}
#   + h^2_a \frac{F_{ai}}{\sqrt N} + h^3_a \sqrt{\tfrac{N}{N-2}} \sum_m F_{am} F_{mi} F_{mj} \Big)
#   + (V_2)_{ij} + (V_3)_{ij}.$$
#
# Sums over rows, over columns, and diagonals of these tensors are, for every $N$:

# %%
from math import prod

import numpy as np
import sympy
from sympy import QQ, Expr, Matrix, Symbol, log, ring, sqrt
from sympy.polys.rings import PolyElement

from pigmm.fitting import PIGMM
from pigmm.invariants import (
    PARAMETERS,
    SIZE,
    Multigraph,
    evaluate,
    expectation,
    inverse_map,
    statistic_symbol,
    statistics_graphs,
)
from pigmm.invariants.representation.spaces import SquareSpace
from pigmm.invariants.representation.tensors import SIZES, InvariantTensor, contract

n = SIZES[0]
delta, ones, one = InvariantTensor.delta(0, 0), InvariantTensor.ones(0, 0), InvariantTensor.ones(0)
F = delta - ones / n
T1, T2, T3 = contract("aj,i->aij", F, one), contract("ai,j->aij", F, one), contract("am,mi,mj->aij", F, F, F)
exchange = contract("ik,jl->ijkl", F, F), contract("il,jk->ijkl", F, F)
P3 = (exchange[0] - exchange[1]) / 2
P2 = (exchange[0] + exchange[1]) / 2 - contract("ij,kl->ijkl", F, F) / (n - 1)
P2 = P2 - contract("aij,akl->ijkl", T3, T3) * (n / (n - 2))

zero, zero_matrix, zero_three = one - one, F - F, P2 - P2
zero_three = contract("ijkl->jkl", zero_three)
# sums over the rows: only 1 and T1 have any
assert contract("ij->j", ones) == one * n
assert contract("ij->j", F) == zero
assert contract("aij->aj", T1) == F * n
assert contract("aij->aj", T2) == contract("aij->aj", T3) == zero_matrix
assert contract("ijkl->jkl", P2) == contract("ijkl->jkl", P3) == zero_three
# sums over the columns: only 1 and T2
assert contract("ij->i", ones) == one * n
assert contract("ij->i", F) == zero
assert contract("aij->ai", T2) == F * n
assert contract("aij->ai", T1) == contract("aij->ai", T3) == zero_matrix
assert contract("ijkl->ikl", P2) == contract("ijkl->ikl", P3) == zero_three
# the diagonal: V_2 and V_3 have none
assert contract("ii->i", ones) == one
assert contract("ii->i", F) == one * ((n - 1) / n)
assert contract("aii->ai", T1) == contract("aii->ai", T2) == F
assert contract("aii->ai", T3) == F * ((n - 2) / n)
assert contract("iikl->ikl", P2) == contract("iikl->ikl", P3) == zero_three
# transposition exchanges the first two vectors, leaves the third and V_2, and reverses V_3
assert contract("aij->aji", T1) == T2
assert contract("aij->aji", T3) == T3
assert contract("ijkl->jikl", P2) == P2
assert contract("ijkl->jikl", P3) == P3 * -1

# %% [markdown]
# With the normalisations $\sqrt N$ of $T^1$ and $T^2$ and $\sqrt{(N-2)/N}$ of $T^3$, these say
#
# $$c = X_1 + \sqrt N\, h^1, \qquad r = X_1 + \sqrt N\, h^2, \qquad
#   d = \frac{X_1 + \sqrt{N-1}\, X_2}{N} + \frac{h^1 + h^2}{\sqrt N} + \sqrt{\frac{N-2}{N}}\, h^3,$$
#
# a constant plus a vector of zero sum, so that the scalar product of two of them is $N$ times the product of the
# constants plus that of the vectors. The same with numbers, on a random matrix:

# %%
size = 6
matrix = np.random.default_rng(0).integers(-5, 6, size=(size, size)).astype(float)
v0, vh, v2, v3 = SquareSpace(size).project(matrix)
(x1, x2), (h1, h2, h3) = v0[:, 0], vh
assert np.allclose(matrix.sum(axis=0), x1 + np.sqrt(size) * h1)
assert np.allclose(matrix.sum(axis=1), x1 + np.sqrt(size) * h2)
constant = (x1 + np.sqrt(size - 1) * x2) / size
assert np.allclose(np.diag(matrix), constant + (h1 + h2) / np.sqrt(size) + np.sqrt((size - 2) / size) * h3)

# %% [markdown]
# ## Eleven graphs are eleven scalar products
#
# The two linear invariants are the sums $\sum_i d_i$ and $\sum_i r_i$; six quadratic ones are the scalar products of
# $c$, $r$ and $d$; three are products of linear ones; and two are left, $\sum_{ij} M_{ij}^2$ and
# $\sum_{ij} M_{ij} M_{ji}$.

# %%
columns, rows, diagonal = matrix.sum(axis=0), matrix.sum(axis=1), np.diag(matrix)
total, trace = matrix.sum(), np.trace(matrix)
meaning = {
    "00": trace,
    "01": total,
    "00 00": diagonal @ diagonal,
    "00 01": diagonal @ rows,
    "01 11": columns @ diagonal,
    "01 02": rows @ rows,
    "01 21": columns @ columns,
    "01 12": columns @ rows,
    "00 11": trace * trace,
    "00 12": trace * total,
    "01 23": total * total,
    "01 01": (matrix * matrix).sum(),
    "01 10": (matrix * matrix.T).sum(),
}


def graph_of(label: str) -> Multigraph:
    """The graph of a label such as '01 12'."""
    return Multigraph([(int(tail), int(head)) for tail, head in label.split()])


graphs = {label: graph_of(label) for label in meaning}
assert set(graphs.values()) == set(statistics_graphs())
assert np.array_equal(evaluate(matrix, list(graphs.values())), list(meaning.values()))

# %% [markdown]
# ## Expectation values
#
# In the model, components of different irreducible representations are independent, and
#
# $$\langle X_x \rangle = \mu_x, \quad \langle X_x X_y \rangle = G^0_{xy} + \mu_x \mu_y, \quad
#   \langle h^x \cdot h^y \rangle = (N-1)\, G^H_{xy}, \quad
#   \langle |V_2|^2 \rangle = d_2 G_2, \quad \langle |V_3|^2 \rangle = d_3 G_3,$$
#
# with $d_2 = N(N-3)/2$ and $d_3 = (N-1)(N-2)/2$. So every expectation value is a matter of multiplying out:

# %%
N = SIZE
mu_1, mu_2, G0_11, G0_12, G0_22, GH_11, GH_12, GH_13, GH_22, GH_23, GH_33, G2, G3 = PARAMETERS
mu, G0 = Matrix([mu_1, mu_2]), Matrix([[G0_11, G0_12], [G0_12, G0_22]])
GH = Matrix([[GH_11, GH_12, GH_13], [GH_12, GH_22, GH_23], [GH_13, GH_23, GH_33]])
d2, d3 = N * (N - 3) / 2, (N - 1) * (N - 2) / 2
XX, hh = G0 + mu * mu.T, (N - 1) * GH

# a vector as (coefficients of X_1 and X_2 in its constant, coefficients of h^1, h^2, h^3)
c = Matrix([1, 0]), Matrix([sqrt(N), 0, 0])
r = Matrix([1, 0]), Matrix([0, sqrt(N), 0])
d = Matrix([1 / N, sqrt(N - 1) / N]), Matrix([1 / sqrt(N), 1 / sqrt(N), sqrt(N - 2) / sqrt(N)])


def dot(u: tuple[Matrix, Matrix], v: tuple[Matrix, Matrix]) -> Expr:
    """Expectation value of the scalar product of two vectors."""
    return sympy.expand((N * u[0].T * XX * v[0] + u[1].T * hh * v[1])[0])


def product(u: tuple[Matrix, Matrix], v: tuple[Matrix, Matrix]) -> Expr:
    """Expectation value of the product of the sums of two vectors, each N times the constant."""
    return (N**2 * u[0].T * XX * v[0])[0]


squares = XX[0, 0] + XX[1, 1] + d2 * G2
by_hand = {
    "00": (N * d[0].T * mu)[0],
    "01": (N * r[0].T * mu)[0],
    "00 00": dot(d, d),
    "00 01": dot(d, r),
    "01 11": dot(c, d),
    "01 02": dot(r, r),
    "01 21": dot(c, c),
    "01 12": dot(c, r),
    "00 11": product(d, d),
    "00 12": product(d, r),
    "01 23": product(r, r),
    # sum of the squares of all components; and with the transposed matrix, where h^1 and h^2 change places
    "01 01": squares + hh[0, 0] + hh[1, 1] + hh[2, 2] + d3 * G3,
    "01 10": squares + 2 * hh[0, 1] + hh[2, 2] - d3 * G3,
}
for label, value in by_hand.items():
    print(f"<{graphs[label].formula}> = {sympy.expand(value)}")

# %% [markdown]
# To compare exact results we need to see whether an expression in $N$, $\sqrt{N-1}$ and $\sqrt{N-2}$ is zero. The two
# roots have a rational parametrisation, $\sqrt{N-1} = (t + 1/t)/2$ and $\sqrt{N-2} = (t - 1/t)/2$, so an expression is
# a polynomial in the parameters with rational functions of $t$ as coefficients, and arithmetic tells.

# %%
T = {label: statistic_symbol(graph) for label, graph in graphs.items()}
POLYNOMIALS = ring([*PARAMETERS, *T.values()], QQ.frac_field(Symbol("t")))[0]
t = POLYNOMIALS.domain.gens[0]
roots = {N - 1: (t + 1 / t) / 2, N - 2: (t - 1 / t) / 2}
assert roots[N - 1] ** 2 - roots[N - 2] ** 2 == 1
known = dict(zip([*PARAMETERS, *T.values()], POLYNOMIALS.gens, strict=True)) | {N: POLYNOMIALS(1 + roots[N - 1] ** 2)}


def exact(expression: Expr) -> PolyElement:
    """An expression as a polynomial in the parameters (or averages) over the rational functions of t."""
    if expression in known:
        return known[expression]
    if expression.is_Rational:
        return POLYNOMIALS(QQ(expression.p, expression.q))
    if expression.is_Add:
        return sum(map(exact, expression.args), POLYNOMIALS.zero)
    if expression.is_Mul:
        return prod(map(exact, expression.args), start=POLYNOMIALS.one)
    base, power = expression.as_base_exp()
    if power.is_integer and power > 0:
        return exact(base) ** int(power)
    # a root or an inverse is of an expression in N alone
    if base in roots:
        return POLYNOMIALS(roots[base] ** int(2 * power))
    assert power.is_integer
    return POLYNOMIALS(exact(base).coeff(1) ** int(power))


def vanishes(expression: Expr) -> bool:
    """Whether an expression is zero for every N."""
    return exact(expression) == 0


assert vanishes(sqrt(N - 1) ** 3 / (N - 1) - 1 / sqrt(N - 1) * (N - 1))
assert not vanishes(sqrt(N - 1) - sqrt(N - 2))
for label, value in by_hand.items():
    assert vanishes(value - expectation(graphs[label]))

# %% [markdown]
# ## The inverse
#
# Solve the three vectors for the components. The sum of $c$ and of $r$ is $\sum_{ij} M_{ij} = N X_1$, that of $d$ is
# the trace, $X_1 + \sqrt{N-1}\, X_2$; and with a tilde for a vector made of zero sum,
#
# $$h^1 = \frac{\tilde c}{\sqrt N}, \qquad h^2 = \frac{\tilde r}{\sqrt N}, \qquad
#   h^3 = \sqrt{\frac{N}{N-2}} \Big( \tilde d - \frac{\tilde c + \tilde r}{N} \Big).$$
#
# The scalar product of centred vectors is $\tilde u \cdot \tilde v = u \cdot v - (\sum u)(\sum v)/N$: an average of
# two quadratic invariants. With $T$ for the averages of the 13 invariants:

# %%
X1, X2 = T["01"] / N, (T["00"] - T["01"] / N) / sqrt(N - 1)
X11 = T["01 23"] / N**2
X12 = (T["00 12"] / N - T["01 23"] / N**2) / sqrt(N - 1)
X22 = (T["00 11"] - 2 * T["00 12"] / N + T["01 23"] / N**2) / (N - 1)
cc, rr, cr = (T[label] - T["01 23"] / N for label in ("01 21", "01 02", "01 12"))
cd, rd = (T[label] - T["00 12"] / N for label in ("01 11", "00 01"))
dd = T["00 00"] - T["00 11"] / N
H11, H22, H12 = (value / (N * (N - 1)) for value in (cc, rr, cr))
H13 = (cd - (cc + cr) / N) / (sqrt(N - 2) * (N - 1))
H23 = (rd - (rr + cr) / N) / (sqrt(N - 2) * (N - 1))
H33 = N / (N - 2) * (dd - 2 * (cd + rd) / N + (cc + 2 * cr + rr) / N**2) / (N - 1)

# %% [markdown]
# Half the sum and half the difference of $\sum M_{ij}^2$ and $\sum M_{ij} M_{ji}$ are the squares of the symmetric and
# of the antisymmetric part of $M$. The antisymmetric part holds $V_3$ and $(h^1 - h^2)/\sqrt 2$, the symmetric one all
# the rest. So

# %%
antisymmetric, symmetric = (T["01 01"] - T["01 10"]) / 2, (T["01 01"] + T["01 10"]) / 2
V3 = (antisymmetric - (N - 1) * (H11 + H22 - 2 * H12) / 2) / d3
V2 = (symmetric - X11 - X22 - (N - 1) * ((H11 + H22 + 2 * H12) / 2 + H33)) / d2
estimates = [X1, X2, X11 - X1**2, X12 - X1 * X2, X22 - X2**2, H11, H12, H13, H22, H23, H33, V2, V3]

# %% [markdown]
# The two maps are inverse to each other, in both orders, for every $N$; and the library's inverse is this one.

# %%
forward = {T[label]: value for label, value in by_hand.items()}
inverse = dict(zip(PARAMETERS, estimates, strict=True))
for parameter, estimate in inverse.items():
    assert vanishes(estimate.subs(forward) - parameter)
for average, value in forward.items():
    assert vanishes(value.subs(inverse) - average)
for estimate, of_library in zip(estimates, inverse_map(), strict=True):
    assert vanishes(estimate - of_library)
for parameter, of_library in zip(PARAMETERS, inverse_map(), strict=True):
    print(f"{parameter} = {of_library}")

# %% [markdown]
# ## Maximum likelihood is matching these averages
#
# The logarithm of the density is linear in the 13 invariants, so its average over a set of matrices depends on the
# 13 averages alone. In terms of the hatted estimates made of them,
#
# $$\langle \ln p \rangle = -\tfrac{N^2}{2} \ln 2\pi
#   - \tfrac12 \sum_V d_V \big[ \ln\det G_V + \mathrm{tr}\, G_V^{-1} \hat G_V \big]
#   - \tfrac12 (\hat\mu - \mu)^T G_0^{-1} (\hat\mu - \mu).$$
#
# The last term is greatest, zero, at $\mu = \hat\mu$. With $K = G^{-1}$ the bracket is
# $-\ln\det K + \mathrm{tr}\, K \hat G$, convex in $K$, with the derivative $-K^{-1} + \hat G$: its one minimum is
# $G = \hat G$. For the largest block:

# %%
K = Matrix(3, 3, lambda x, y: Symbol(f"K_{min(x, y)}{max(x, y)}"))
derivative = Matrix(3, 3, lambda x, y: sympy.diff(log(K.det()), K[x, y]) / (1 if x == y else 2))
assert sympy.simplify(derivative - K.inv()) == sympy.zeros(3, 3)

# %% [markdown]
# And with numbers: the fit is the inverse map at the measured averages; its expectation values are these averages;
# the formula for the average density is right at any parameters; and no model nearby does better.

# %%
rng = np.random.default_rng(1)
theta = np.array([0.5, -1.0, 1.0, 0.4, 2.0, 1.0, 0.2, -0.3, 1.5, 0.1, 0.8, 0.6, 1.4])
size = 5
data = PIGMM(size, theta).sample(40, seed=2)
averages = evaluate(data, list(graphs.values())).mean(axis=0)
fit = PIGMM.fit(data)
at = dict(zip(T.values(), averages, strict=True)) | {N: size}
assert np.allclose([float(estimate.subs(at)) for estimate in estimates], fit.parameters, rtol=1e-9, atol=1e-10)
assert np.allclose(fit.expectation(list(graphs.values())), averages, rtol=1e-9, atol=1e-10)


def average_density(model: PIGMM) -> float:
    """The formula above: from the estimates alone."""
    off = fit.means - model.means
    value = -(size**2) / 2 * np.log(2 * np.pi) - off @ np.linalg.solve(model.covariances[0], off) / 2
    dimensions = (1, size - 1, size * (size - 3) // 2, (size - 1) * (size - 2) // 2)
    for dimension, G, estimate in zip(dimensions, model.covariances, fit.covariances, strict=True):
        value -= dimension / 2 * (np.linalg.slogdet(G)[1] + np.trace(np.linalg.solve(G, estimate)))
    return value


best = average_density(fit)
for scale in (1e-3, 1e-2, 3e-2):
    for _ in range(20):
        other = PIGMM(size, fit.parameters + scale * rng.normal(size=13))
        assert np.isclose(average_density(other), other.log_prob(data).mean(), rtol=1e-12)
        assert average_density(other) < best

# %% [markdown]
# Two matrices are too few: the centred $2 \times 2$ block of $V_0$ then has rank 1, whatever they are. Three will do.

# %%
components = np.array([SquareSpace(size).project(m)[0][:, 0] for m in data[:3]])
assert np.linalg.matrix_rank(np.cov(components[:2].T)) == 1
assert np.linalg.matrix_rank(np.cov(components.T)) == 2
assert all(np.linalg.eigvalsh(G)[0] > 0 for G in PIGMM.fit(data[:3]).covariances)
