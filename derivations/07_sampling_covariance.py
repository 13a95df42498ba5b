# %% [markdown]
# # 7. Sampling covariance
#
# How far can the averages of $n$ matrices, and the parameters fitted to them, lie from their expectation values?
# Divided by $n$, the covariance of two invariants under the model is the covariance of their averages; and the product
# of two invariants is again one, that of the disjoint union of their graphs,
#
# $$\mathrm{Cov}(O_G, O_H) = \langle O_{G \sqcup H} \rangle - \langle O_G \rangle \langle O_H \rangle,$$
#
# so the answer is exact. Below it is derived in another way, from the components, for the 13 statistics of the fit;
# then the law of the fitted parameters, of which the covariance is a special case; and last the errors at
# initialisation, for entries that are independent but not necessarily Gaussian.
#
# ## Thirteen statistics and thirteen sums of components
#
# The invariants of degree 1 and 2 are combinations of 13 simple statistics: the two invariant components $X_1, X_2$ of
# a matrix, their three products, the six scalar products of the vectors $h^1, h^2, h^3$ of $V_H$, and the squares
# $q_2, q_3$ of the parts in $V_2$ and $V_3$. The combinations are those of the paper on quadratic expectation values:
# with column sums $c = X_1 + \sqrt N\, h^1$, row sums $r = X_1 + \sqrt N\, h^2$ and the diagonal
# $d = (X_1 + \sqrt{N-1} X_2)/N + (h^1 + h^2)/\sqrt N + \sqrt{(N-2)/N}\, h^3$, most of the graphs are scalar products
# of these.

# %%
from itertools import combinations_with_replacement, product
from math import prod

import numpy as np
import sympy
from scipy import stats
from sympy import QQ, Expr, Matrix, Symbol, interpolate, ring, sqrt
from sympy.polys.rings import PolyElement

from pigmm.fitting import PIGMM
from pigmm.invariants import (
    PARAMETERS,
    SIZE,
    Multigraph,
    covariance,
    evaluate,
    expectation,
    iid_variance,
    inverse_map,
    multiply,
    parameter_covariance,
    statistic_symbol,
)
from pigmm.invariants.representation.tensors import SIZES, InvariantTensor, contract

N = SIZE
mu_1, mu_2, G0_11, G0_12, G0_22, GH_11, GH_12, GH_13, GH_22, GH_23, GH_33, G2, G3 = PARAMETERS
d2, d3 = N * (N - 3) / 2, (N - 1) * (N - 2) / 2
pairs_0, pairs_H = list(combinations_with_replacement((0, 1), 2)), list(combinations_with_replacement((0, 1, 2), 2))

X_1, X_2, q_2, q_3 = sympy.symbols("X_1 X_2 q_2 q_3")
XX = Matrix(2, 2, lambda x, y: Symbol(f"XX_{min(x, y) + 1}{max(x, y) + 1}"))
hh = Matrix(3, 3, lambda x, y: Symbol(f"hh_{min(x, y) + 1}{max(x, y) + 1}"))
simple = [X_1, X_2, *(XX[p] for p in pairs_0), *(hh[p] for p in pairs_H), q_2, q_3]

c = Matrix([1, 0]), Matrix([sqrt(N), 0, 0])
r = Matrix([1, 0]), Matrix([0, sqrt(N), 0])
d = Matrix([1 / N, sqrt(N - 1) / N]), Matrix([1 / sqrt(N), 1 / sqrt(N), sqrt(N - 2) / sqrt(N)])


def dot(u: tuple[Matrix, Matrix], v: tuple[Matrix, Matrix]) -> Expr:
    """The scalar product of two vectors."""
    return sympy.expand((N * u[0].T * XX * v[0] + u[1].T * hh * v[1])[0])


def times(u: tuple[Matrix, Matrix], v: tuple[Matrix, Matrix]) -> Expr:
    """The product of the sums of two vectors, each N times the constant."""
    return sympy.expand((N**2 * u[0].T * XX * v[0])[0])


combinations = {
    "00": X_1 + sqrt(N - 1) * X_2,
    "01": N * X_1,
    "00 00": dot(d, d),
    "00 01": dot(d, r),
    "01 11": dot(c, d),
    "01 02": dot(r, r),
    "01 21": dot(c, c),
    "01 12": dot(c, r),
    "00 11": times(d, d),
    "00 12": times(d, r),
    "01 23": times(r, r),
    "01 01": XX[0, 0] + XX[1, 1] + hh[0, 0] + hh[1, 1] + hh[2, 2] + q_2 + q_3,
    "01 10": XX[0, 0] + XX[1, 1] + 2 * hh[0, 1] + hh[2, 2] + q_2 - q_3,
}
graphs = {label: Multigraph([(int(i), int(j)) for i, j in label.split()]) for label in combinations}
A = Matrix(list(combinations.values())).jacobian(simple)
assert A.shape == (13, 13)

# %% [markdown]
# ## Covariances of the simple statistics
#
# Components of different irreducible representations, and of different places in one, are independent Gaussians. For
# four of zero mean Wick's theorem gives $\mathrm{Cov}(h^x h^y, h^z h^w) = G_{xz} G_{yw} + G_{xw} G_{yz}$; summed over
# the $N - 1$ places of $V_H$ that is
#
# $$\mathrm{Cov}(h^x \!\cdot h^y, h^z \!\cdot h^w) = (N-1) (G^H_{xz} G^H_{yw} + G^H_{xw} G^H_{yz}), \qquad
#   \mathrm{Var}(q_2) = 2 d_2 G_2^2, \qquad \mathrm{Var}(q_3) = 2 d_3 G_3^2.$$
#
# On $V_0$ there are means, and one contraction of a pair leaves two of them:
#
# $$\mathrm{Cov}(X_x, X_y X_z) = \mu_y G_{xz} + \mu_z G_{xy},$$
#
# $$\mathrm{Cov}(X_x X_y, X_z X_w) = G_{xz} G_{yw} + G_{xw} G_{yz} + \mu_x \mu_z G_{yw} + \mu_x \mu_w G_{yz}
#   + \mu_y \mu_z G_{xw} + \mu_y \mu_w G_{xz}.$$

# %%
mu, G0 = Matrix([mu_1, mu_2]), Matrix([[G0_11, G0_12], [G0_12, G0_22]])
GH = Matrix([[GH_11, GH_12, GH_13], [GH_12, GH_22, GH_23], [GH_13, GH_23, GH_33]])


def wick(G: Matrix, x: int, y: int, z: int, w: int) -> Expr:
    """The two contractions between a pair and another."""
    return G[x, z] * G[y, w] + G[x, w] * G[y, z]


between = sympy.zeros(13, 13)
for row, x in enumerate((0, 1)):
    for column, y in enumerate((0, 1)):
        between[row, column] = G0[x, y]
    for column, (y, z) in enumerate(pairs_0, start=2):
        between[row, column] = between[column, row] = mu[y] * G0[x, z] + mu[z] * G0[x, y]
for row, (x, y) in enumerate(pairs_0, start=2):
    for column, (z, w) in enumerate(pairs_0, start=2):
        between[row, column] = wick(G0, x, y, z, w) + mu[x] * mu[z] * G0[y, w] + mu[x] * mu[w] * G0[y, z]
        between[row, column] += mu[y] * mu[z] * G0[x, w] + mu[y] * mu[w] * G0[x, z]
for row, (x, y) in enumerate(pairs_H, start=5):
    for column, (z, w) in enumerate(pairs_H, start=5):
        between[row, column] = (N - 1) * wick(GH, x, y, z, w)
between[11, 11], between[12, 12] = 2 * d2 * G2**2, 2 * d3 * G3**2
assert between == between.T

# %% [markdown]
# ## All 91 covariances
#
# The covariance matrix of the 13 invariants is $A\, \mathrm{Cov}\, A^T$. Expressions are compared as polynomials in
# the parameters over the rational functions of $t$, with $\sqrt{N-1} = (t + 1/t)/2$ and $\sqrt{N-2} = (t - 1/t)/2$.

# %%
POLYNOMIALS = ring(PARAMETERS, QQ.frac_field(Symbol("t")))[0]
t = POLYNOMIALS.domain.gens[0]
roots = {N - 1: (t + 1 / t) / 2, N - 2: (t - 1 / t) / 2}
known = dict(zip(PARAMETERS, POLYNOMIALS.gens, strict=True)) | {N: POLYNOMIALS(1 + roots[N - 1] ** 2)}
Table = list[list[PolyElement]]


def exact(expression: Expr) -> PolyElement:
    """An expression as a polynomial in the parameters over the rational functions of t."""
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


def table(matrix: Matrix) -> Table:
    """The entries of a matrix, each exact."""
    return [[exact(matrix[row, column]) for column in range(matrix.cols)] for row in range(matrix.rows)]


def scalar_product(left: list[PolyElement], right: list[PolyElement]) -> PolyElement:
    """Of two rows, which are mostly zeros."""
    return sum((a * b for a, b in zip(left, right, strict=True) if a and b), POLYNOMIALS.zero)


def sandwich(outer: Table, inner: Table) -> Table:
    """outer inner outer^T, for a symmetric inner table."""
    half = [[scalar_product(left, right) for right in inner] for left in outer]
    return [[scalar_product(left, right) for right in outer] for left in half]


derived = sandwich(table(A), table(between))
of_library = [[exact(covariance(g, h)) for h in graphs.values()] for g in graphs.values()]
assert sum(bool(derived[x][y]) for x, y in combinations_with_replacement(range(13), 2)) == 91
assert derived == of_library

# %% [markdown]
# and the definition by the disjoint union, on the variance of the trace and on the pair $\mathrm{tr}\, M^2$,
# $\sum M_{ij}$. The trace is $X_1 + \sqrt{N-1}\, X_2$, so its variance can be read off.

# %%
matrix = np.random.default_rng(0).integers(-4, 5, size=(5, 5)).astype(float)
trace_graph, sum_graph, square_graph = graphs["00"], graphs["01"], graphs["01 10"]
for g, h in ((trace_graph, trace_graph), (square_graph, sum_graph)):
    union = multiply(g, h)
    assert evaluate(matrix, [union])[0] == evaluate(matrix, [g])[0] * evaluate(matrix, [h])[0]
    assert exact(covariance(g, h)) == exact(expectation(union)) - exact(expectation(g)) * exact(expectation(h))
print("Var(tr M) =", covariance(trace_graph, trace_graph))
assert exact(covariance(trace_graph, trace_graph)) == exact(G0_11 + 2 * sqrt(N - 1) * G0_12 + (N - 1) * G0_22)

# %% [markdown]
# ## The law of the fitted parameters
#
# The estimates are $\hat\mu = \bar X$, and for each block the second moments of its components, centred on $V_0$. For
# Gaussian matrices these are independent, with
#
# $$\hat\mu \sim \mathcal N(\mu, G_0 / n), \quad n \hat G_0 \sim W_2(G_0, n-1), \quad
#   n(N-1)\, \hat G_H \sim W_3(G_H, n(N-1)), \quad n d_V \hat G_V / G_V \sim \chi^2_{n d_V}$$
#
# for $V_2$ and $V_3$. A Wishart matrix $W(G, k)$ is a sum of $k$ products of Gaussian vectors, so by Wick's theorem
# its elements have covariances $k\, (G_{xz} G_{yw} + G_{xw} G_{yz})$. To leading order in $n$,
#
# $$n\, \mathrm{Cov}(\hat G_{xy}, \hat G_{zw}) = \frac{G_{xz} G_{yw} + G_{xw} G_{yz}}{d_V}.$$
#
# The same must follow from the covariance of the statistics by the delta method. With the simple statistics, only the
# centring on $V_0$ is not linear, $\hat G^0_{xy} = \overline{X_x X_y} - \bar X_x \bar X_y$:

# %%
by_wishart = sympy.zeros(13, 13)
by_wishart[:2, :2] = G0
blocks = [
    (2, pairs_0, G0, 1),
    (5, pairs_H, GH, N - 1),
    (11, [(0, 0)], Matrix([G2]), d2),
    (12, [(0, 0)], Matrix([G3]), d3),
]
for start, pairs, G, dimension in blocks:
    for (row, (x, y)), (column, (z, w)) in product(enumerate(pairs, start), repeat=2):
        by_wishart[row, column] = wick(G, x, y, z, w) / dimension

estimates = Matrix(
    [X_1, X_2, *(XX[x, y] - (X_1, X_2)[x] * (X_1, X_2)[y] for x, y in pairs_0)]
    + [hh[p] / (N - 1) for p in pairs_H]
    + [q_2 / d2, q_3 / d3]
)
derivative = estimates.jacobian(simple).subs({X_1: mu_1, X_2: mu_2})
assert sandwich(table(derivative), table(between)) == table(by_wishart)

# %% [markdown]
# And with nothing but the library's: $J\, \mathrm{Cov}(T)\, J^T$ is its `parameter_covariance`, where $J$ is the
# derivative of its inverse map at the expectation values of the averages $T$. Only those of the two linear ones occur
# in it.

# %%
averages = [statistic_symbol(g) for g in graphs.values()]
J = Matrix(inverse_map()).jacobian(averages)
assert J.free_symbols <= {N, *averages[:2]}
J = J.subs({averages[0]: mu_1 + sqrt(N - 1) * mu_2, averages[1]: N * mu_1})
assert table(parameter_covariance()) == table(by_wishart)
assert sandwich(table(J), of_library) == table(by_wishart)

# %% [markdown]
# The law is exact for every $n$, not only for many matrices: 20,000 fits of three matrices each, at $N = 4$. We test
# the $\chi^2$ laws of one variance of every block, with $n - 1$, $n(N-1)$, $n d_2$ and $n d_3$ degrees of freedom, and
# all means and covariances; those of $\hat G_0$ are $(n-1)/n$ of what they are to leading order.

# %%
size, n, fits = 4, 3, 20_000
theta = np.array([0.5, -1.0, 1.0, 0.4, 2.0, 1.0, 0.2, -0.3, 1.5, 0.1, 0.8, 0.6, 1.4])
samples = PIGMM(size, theta).sample(n * fits, seed=7).reshape(fits, n, size, size)
columns, rows = samples.sum(axis=-2), samples.sum(axis=-1)
total, trace = rows.sum(axis=-1), np.trace(samples, axis1=-2, axis2=-1)
x = np.stack([total / size, (trace - total / size) / np.sqrt(size - 1)], axis=-1)
h1, h2 = ((v - total[..., None] / size) / np.sqrt(size) for v in (columns, rows))
diagonal = np.diagonal(samples, axis1=-2, axis2=-1)
h3 = diagonal - trace[..., None] / size - (h1 + h2) / np.sqrt(size)
h = np.stack([h1, h2, np.sqrt(size / (size - 2)) * h3], axis=-2)
antisymmetric = np.square(samples - samples.swapaxes(-1, -2)).sum(axis=(-2, -1)) / 4
q3 = antisymmetric - np.square(h1 - h2).sum(axis=-1) / 2
q2 = np.square(samples).sum(axis=(-2, -1)) - np.square(x).sum(axis=-1) - np.square(h).sum(axis=(-2, -1)) - q3
centred = x - x.mean(axis=1, keepdims=True)
moments_0 = np.einsum("fnx,fny->fxy", centred, centred) / n
moments_H = np.einsum("fnxa,fnya->fxy", h, h) / (n * (size - 1))
dimension_2, dimension_3 = size * (size - 3) // 2, (size - 1) * (size - 2) // 2
fitted = np.column_stack(
    [
        x.mean(axis=1),
        *(moments_0[:, a, b] for a, b in pairs_0),
        *(moments_H[:, a, b] for a, b in pairs_H),
        q2.mean(axis=1) / dimension_2,
        q3.mean(axis=1) / dimension_3,
    ]
)
assert np.allclose(fitted[0], PIGMM.fit(samples[0]).parameters)
for k, freedom in {2: n - 1, 5: n * (size - 1), 11: n * dimension_2, 12: n * dimension_3}.items():
    scale = n if k == 2 else freedom
    assert stats.kstest(scale * fitted[:, k] / theta[k], "chi2", args=(freedom,)).pvalue > 1e-3

at = dict(zip(PARAMETERS, theta, strict=True)) | {N: size}
on_0 = np.array([(n - 1) / n if 2 <= k < 5 else 1 for k in range(13)])
exact_covariance = np.array(by_wishart.subs(at), dtype=float) / n * on_0
deviations = (fitted.mean(axis=0) - theta * on_0) / np.sqrt(np.diag(exact_covariance) / fits)
print("deviations of the means, in standard errors:", deviations.round(1))
assert np.abs(deviations).max() < 4
centred_fits = fitted - theta * on_0
products = centred_fits[:, :, None] * centred_fits[:, None, :]
errors = products.std(axis=0) / np.sqrt(fits)
assert np.abs((products.mean(axis=0) - exact_covariance) / errors).max() < 4.5

# %% [markdown]
# ## Independent entries, Gaussian or not
#
# At initialisation the entries $w$ are independent with mean zero, $\langle w^2 \rangle = E_2$ and
# $\langle w^4 \rangle = E_4$, but often uniform. A quadratic invariant is a form
# $\sum_{\alpha\beta} Q_{\alpha\beta} w_\alpha w_\beta$ over pairs of entries. Only equal pairs of factors contribute
# to its variance, and with symmetric $Q$
#
# $$\mathrm{Var} = 2 E_2^2\, \mathrm{tr}\, Q^2 + (E_4 - 3 E_2^2) \sum_\alpha Q_{\alpha\alpha}^2.$$
#
# Both sums count solutions of equations between indices, so they are polynomials in $N$, of degree at most 4 since
# $\alpha$ and $\beta$ hold four indices. Five sizes fix them; we count at six.

# %%
E2, E4 = sympy.symbols("E2 E4")


def counted(graph: Multigraph, size: int) -> Expr:
    """The variance at one size: the form of a quadratic graph written out, in integers."""
    form = np.zeros((size**2, size**2), dtype=np.int64)
    (i, j), (k, l) = graph.arcs
    for index in product(range(size), repeat=graph.number_of_nodes):
        form[index[i] * size + index[j], index[k] * size + index[l]] += 1
    doubled = form + form.T
    traces = sympy.Rational(int((doubled**2).sum()), 2), int((np.diag(form) ** 2).sum())
    return traces[0] * E2**2 + (E4 - 3 * E2**2) * traces[1]


published = {
    "00": N * E2,
    "01": N**2 * E2,
    "01 01": N**2 * (E4 - E2**2),
    "00 01": N * E4 + (N**2 - 2 * N) * E2**2,
    "01 11": N * E4 + (N**2 - 2 * N) * E2**2,
    "00 00": N * (E4 - E2**2),
    "01 10": N * E4 + (2 * N**2 - 3 * N) * E2**2,
    "00 11": N * E4 + (2 * N**2 - 3 * N) * E2**2,
    "01 02": N**2 * E4 + N**2 * (2 * N - 3) * E2**2,
    "01 21": N**2 * E4 + N**2 * (2 * N - 3) * E2**2,
    "01 12": N * E4 + (N**3 + N**2 - 3 * N) * E2**2,
    "00 12": N * E4 + (N**3 + N**2 - 3 * N) * E2**2,
    "01 23": N**2 * E4 + (2 * N**4 - 3 * N**2) * E2**2,
}
white = {p: E2 if p in (G0_11, G0_22, GH_11, GH_22, GH_33, G2, G3) else 0 for p in PARAMETERS}
for label, graph in graphs.items():
    if graph.degree == 2:
        values = [counted(graph, size) for size in range(1, 7)]
        polynomial = sympy.expand(interpolate(values[:5], N))
        assert sympy.expand(polynomial.subs(N, 6) - values[5]) == 0
    else:  # a sum of independent entries
        polynomial = (N if label == "00" else N**2) * E2
    print(f"Var({graph.formula}) = {polynomial}")
    assert sympy.expand(polynomial - published[label]) == 0
    assert sympy.expand(polynomial - iid_variance(graph, E2, E4)) == 0
    gaussian = covariance(graph, graph).subs(white)
    assert sympy.expand(gaussian - polynomial.subs(E4, 3 * E2**2)) == 0

# %% [markdown]
# Ignoring that $\sum_{ij} M_{ij} M_{ji}$ contains every product twice would make its variance about half of what it
# is: $N^2 E_2^2$ against $2 N^2 E_2^2$ at large $N$. Samples of uniform entries tell which is right.

# %%
size, budget = 5, 100_000
uniform = np.random.default_rng(3).uniform(-1, 1, size=(budget, size, size))
measured = evaluate(uniform, list(graphs.values()))
centred = measured - measured.mean(axis=0)
errors = np.sqrt((centred**4).mean(axis=0) - (centred**2).mean(axis=0) ** 2) / np.sqrt(budget)
third, fifth = sympy.Rational(1, 3), sympy.Rational(1, 5)
expected = np.array([float(value.subs({N: size, E2: third, E4: fifth})) for value in map(published.get, graphs)])
assert np.abs((measured.var(axis=0) - expected) / errors).max() < 4
swapped = list(graphs).index("01 10")
without_repetition = size * (fifth - third**2) + size * (size - 1) * third**2
assert abs(measured[:, swapped].var() - without_repetition) > 50 * errors[swapped]

# %% [markdown]
# ## Parameters at initialisation
#
# For Gaussian entries of variance $s^2$ the covariance of the fitted parameters is diagonal: all off-diagonal
# parameters vanish. The variances, times $n$:

# %%
s2 = Symbol("s2", positive=True)
at_white = {p: value.subs(E2, s2) if value else 0 for p, value in white.items()}
hook = 2 * s2**2 / (N - 1)
initial = [s2, s2, 2 * s2**2, s2**2, 2 * s2**2, hook, hook / 2, hook / 2, hook, hook / 2, hook]
initial += [4 * s2**2 / (N * (N - 3)), 4 * s2**2 / ((N - 1) * (N - 2))]
found = parameter_covariance().subs(at_white)
for k, parameter in enumerate(PARAMETERS):
    print(f"n Var({parameter}) = {initial[k]}")
    for l in range(13):
        assert sympy.simplify(found[k, l] - (initial[k] if k == l else 0)) == 0

# %% [markdown]
# For other entries, an estimate is a form $w^T P w / D$ with $D$ the dimension of the irreducible representation, and
#
# $$n\, \mathrm{Var} = \frac{2 s^4\, \mathrm{tr}\, P^2 + k_4 \sum_\alpha P_{\alpha\alpha}^2}{D^2},
#   \qquad k_4 = E_4 - 3 s^4.$$
#
# The forms are the tensors of the decomposition, over the root of their norms. The excess must agree with that of the
# statistics: $\mathrm{Cov}(O_G, O_H)$ changes by $k_4$ times the number of entries whose squares are in both, $N$ on
# the diagonal and $N(N-1)$ off it if neither graph has a node that is both a tail and a head.

# %%
n0 = SIZES[0]
ones, one = InvariantTensor.ones(0, 0), InvariantTensor.ones(0)
F = InvariantTensor.delta(0, 0) - ones / n0
T = [contract("aj,i->aij", F, one), contract("ai,j->aij", F, one), contract("am,mi,mj->aij", F, F, F)]
norms = [n0, n0, (n0 - 2) / n0]
exchange = contract("ik,jl->ijkl", F, F), contract("il,jk->ijkl", F, F)
P3 = (exchange[0] - exchange[1]) / 2
P2 = (exchange[0] + exchange[1]) / 2 - contract("ij,kl->ijkl", F, F) / (n0 - 1)
P2 = P2 - contract("aij,akl->ijkl", T[2], T[2]) * (n0 / (n0 - 2))
forms = [
    (contract("ij,kl->ijkl", ones, ones), n0**4, 1),
    ((contract("ij,kl->ijkl", ones, F) + contract("ij,kl->ijkl", F, ones)) / 2, n0**2 * (n0 - 1), 1),
    (contract("ij,kl->ijkl", F, F), (n0 - 1) ** 2, 1),
]
for x, y in pairs_H:
    both = contract("aij,akl->ijkl", T[x], T[y]) + contract("aij,akl->ijkl", T[y], T[x])
    forms.append((both / 2, norms[x] * norms[y], N - 1))
forms += [(P2, n0 / n0, d2), (P3, n0 / n0, d3)]

tails_and_heads = [tuple(map(set, zip(*graph.arcs, strict=True))) for graph in graphs.values()]
off_diagonal = [not tails & heads for tails, heads in tails_and_heads]
excess = Matrix(
    13, 13, lambda g, h: 0 if min(g, h) < 2 else N + (N * (N - 1) if off_diagonal[g] and off_diagonal[h] else 0)
)
assert list(graphs)[:2] == ["00", "01"]
by_statistics = sandwich(table(J.subs({mu_1: 0, mu_2: 0})), table(excess))
for k, (form, norm, dimension) in enumerate(forms, start=2):
    tr_PP = (contract("ijkl,ijkl->", form, form) / norm).as_expr([N])[()]
    squares = (contract("ijij,ijij->", form, form) / norm).as_expr([N]).get((), sympy.Integer(0))
    assert sympy.simplify(2 * s2**2 * tr_PP / dimension**2 - initial[k]) == 0
    assert by_statistics[k][k] == exact(squares / dimension**2)
    print(f"n Var({PARAMETERS[k]}) = {initial[k]} + k4 * {sympy.factor(squares / dimension**2)}")
