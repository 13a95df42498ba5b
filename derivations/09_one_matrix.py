# %% [markdown]
# # 9. One matrix is enough
#
# The 13 parameters are usually fitted to many matrices. But a single $N \times N$ matrix holds $N - 1$,
# $N(N-3)/2$ and $(N-1)(N-2)/2$ independent copies of what $V_H$, $V_2$ and $V_3$ fix. Only the covariance of the two
# trivial components cannot be estimated from one matrix: they are taken as observed, and the law is that given them.
#
# ## What independent rows and columns mean for one matrix
#
# Under $S_N \times S_N$ the covariance of $M$ has four parameters. Its part in each copy of each irrep of the diagonal
# $S_N$ is the trace with the exact projector of the library, for every $N$.

# %%
import numpy as np
import scipy.stats
import sympy
from scipy.special import digamma

from pigmm.fitting import PIGMM, analyse_matrix, gaussianity_test
from pigmm.fitting.model.same_fit import sample_of_same_fit
from pigmm.fitting.tests_of_models.one_matrix.bartlett import bartlett_factor
from pigmm.invariants import SIZE, evaluate, expectation, multigraphs
from pigmm.invariants.representation.matrix_kinds import PARAMETERS, square
from pigmm.invariants.representation.tensors import SIZES, InvariantTensor, contract

n = SIZES[0]
delta = InvariantTensor.delta(0, 0)
average = InvariantTensor.ones(0, 0) / n
centred = delta - average
# g00, g0H (columns), gH0 (rows), gHH
parts = {
    "g00": contract("ik,jl->ijkl", average, average),
    "g0H": contract("ik,jl->ijkl", average, centred),
    "gH0": contract("ik,jl->ijkl", centred, average),
    "gHH": contract("ik,jl->ijkl", centred, centred),
}
names = ["V_0", "V_H", "V_2", "V_3"]
dimensions = [irrep.dimension for irrep in square().irreps]
of_copy = {
    (name, copy, part): contract("ijkl,ijkl->", square().projector(index, copy), tensor).terms.get((), 0)
    for index, name in enumerate(names)
    for copy in range(len(square().irreps[index].copies))
    for part, tensor in parts.items()
}
for (name, copy, part), value in of_copy.items():
    if value:
        print(f"tr({name}, copy {copy + 1}, {part}) = {value}")

# %% [markdown]
# $V_2$ and $V_3$ lie in $V_H \otimes V_H$ altogether, so both have the variance $g_{HH}$. The three copies of $V_H$
# have $g_{0H}$, $g_{H0}$ and $g_{HH}$, the two of $V_0$ have $g_{00}$ and $g_{HH}$.

# %%
V2, V3 = dimensions[2], dimensions[3]
places = {("V_0", 0): "g00", ("V_0", 1): "gHH", ("V_H", 0): "g0H", ("V_H", 1): "gH0", ("V_H", 2): "gHH"}
places |= {("V_2", 0): "gHH", ("V_3", 0): "gHH"}
for (name, copy, part), value in of_copy.items():
    assert value == (dimensions[names.index(name)] if places[name, copy] == part else 0)
D = (n - 1) ** 2 - 1
assert (n - 1) + V2 + V3 == D

# %% [markdown]
# So the hypothesis says of one matrix: the three copies of $V_H$ are uncorrelated, and
# $(G_H)_{33} = G_2 = G_3 = g_{HH}$. These are $3 + 2 = 5$ constraints. The trivial component inside $V_H \otimes V_H$,
# $c = \mathrm{tr}(F M F) / \sqrt{N-1}$, is $N(0, g_{HH})$ and independent of the rest.
#
# ## The likelihood ratio
#
# A block of $\nu$ independent copies with second moments $S$ has
# $-2 \log L = \nu [\ln \det G + \mathrm{tr}(G^{-1} S)]$ up to a constant. Free, the minimum is at $G = S$. With one
# common variance of blocks $S_k$ of $\nu_k$ copies it is at the pooled one:

# %%
g, *nu = sympy.symbols("g nu_1:4", positive=True)
s = sympy.symbols("S_1:4", positive=True)
minus_two_log = sum(k * (sympy.log(g) + x / g) for k, x in zip(nu, s, strict=True))
(pooled,) = sympy.solve(sympy.diff(minus_two_log, g), g)
assert sympy.simplify(pooled - sum(k * x for k, x in zip(nu, s, strict=True)) / sum(nu)) == 0
free = sum(k * (sympy.log(x) + 1) for k, x in zip(nu, s, strict=True))
difference = sympy.expand(sympy.simplify(minus_two_log.subs(g, pooled) - free), log=False)
expected = sum(k * (sympy.log(pooled) - sympy.log(x)) for k, x in zip(nu, s, strict=True))
assert sympy.simplify(difference - expected) == 0

# %% [markdown]
# Together with the diagonal block of $V_H$,
#
# $$LR = (N-1) [\ln (G_H)_{11} + \ln (G_H)_{22} - \ln\det G_H] + D \ln g_{HH} - d_2 \ln G_2 - d_3 \ln G_3.$$
#
# We evaluate it by dense projectors on a matrix, and compare with the library.


# %%
size = 7
rng = np.random.default_rng(0)
matrix = rng.normal(size=(size, size)) - 0.4 * np.eye(size)
F = np.eye(size) - 1 / size
X = F @ matrix @ F
copies = [
    np.sqrt(size) * (matrix.mean(axis=0) - matrix.mean()),
    np.sqrt(size) * (matrix.mean(axis=1) - matrix.mean()),
    np.sqrt(size / (size - 2)) * F @ np.diagonal(X),
]
GH = np.array([[a @ b for b in copies] for a in copies]) / (size - 1)
c = np.trace(X) / np.sqrt(size - 1)
d2, d3 = size * (size - 3) // 2, (size - 1) * (size - 2) // 2
G3 = np.square((X - X.T) / 2).sum() / d3
G2 = (np.square((X + X.T) / 2).sum() - c**2 - (size - 1) * GH[2, 2]) / d2
gHH = ((size - 1) * GH[2, 2] + d2 * G2 + d3 * G3) / ((size - 1) ** 2 - 1)
ratio = (size - 1) * (np.log(GH[0, 0] * GH[1, 1]) - np.linalg.slogdet(GH)[1])
ratio += ((size - 1) ** 2 - 1) * np.log(gHH) - d2 * np.log(G2) - d3 * np.log(G3)
found = analyse_matrix(matrix, replicates=0)
print("LR", ratio, "z of the trace", c / np.sqrt(gHH))
assert np.isclose(found.likelihood_ratio, ratio, rtol=1e-10)
assert np.isclose(found.z_trace, c / np.sqrt(gHH), rtol=1e-10)
assert np.isclose(found.symmetric_to_antisymmetric, G2 / G3, rtol=1e-10)
assert found.degrees_of_freedom == 5

# %% [markdown]
# The same from the exact projectors, which know nothing of these formulas:


# %%
def square_norm(tensor):
    """The quadratic form of an invariant tensor at our matrix."""
    total = 0.0
    for partition, coefficient in tensor.terms.items():
        a, b, c, d = (chr(ord("a") + block) for block in partition)
        weight = float(sympy.Rational(str(coefficient.as_expr().subs(sympy.Symbol("n0"), size))))
        total += weight * np.einsum(f"{a}{b},{c}{d}->", matrix, matrix)
    return total


for copy in range(3):
    assert np.isclose(square_norm(square().projector(1, copy)), (size - 1) * GH[copy, copy])
assert np.isclose(square_norm(square().projector(2)), d2 * G2)
assert np.isclose(square_norm(square().projector(3)), d3 * G3)

# %% [markdown]
# ## Its mean is known exactly
#
# Under the hypothesis $(N-1) G_H$ is a Wishart matrix of $N - 1$ degrees of freedom, diagonal but for chance, and the
# three pooled variances are scaled chi squared variables. With $\langle \ln \chi^2_\nu \rangle = \psi(\nu/2) + \ln 2$
# and $\langle \ln\det W_3 \rangle = \sum_{k=0}^{2} \psi((\nu - k)/2) + 3 \ln 2$ the mean of LR follows. Dividing by it,
# and multiplying by 5, is Bartlett's correction.


# %%
def log_chi2(degrees):
    return digamma(degrees / 2) + np.log(2)


def mean_of_ratio(size):
    hook, d2, d3 = size - 1, size * (size - 3) // 2, (size - 1) * (size - 2) // 2
    total = hook + d2 + d3
    determinant = sum(log_chi2(hook - k) for k in range(3)) - 3 * np.log(hook)
    of_diagonal = 2 * (log_chi2(hook) - np.log(hook))
    of_pooled = total * (log_chi2(total) - np.log(total))
    return (
        hook * (of_diagonal - determinant)
        + of_pooled
        - d2 * (log_chi2(d2) - np.log(d2))
        - d3 * (log_chi2(d3) - np.log(d3))
    )


for size in (5, 8, 16, 64, 256):
    factor = mean_of_ratio(size) / 5
    print(f"N = {size}: mean of LR is 5 x {factor:.4f}")
    sizes = (size - 1, size * (size - 3) // 2, (size - 1) * (size - 2) // 2)
    assert np.isclose(bartlett_factor(sizes, size - 1), factor, rtol=1e-9)

# %% [markdown]
# At $N = 16$ the uncorrected test at 5% rejects more than 6% of Gaussian matrices; the corrected one is good from
# $N = 8$ on, which the tests of the library check by simulation.
#
# ## Exact tests
#
# $c^2/g_{HH}$ is a ratio of independent mean squares, so it has the law $F(1, (N-1)^2 - 1)$: the test of
# self-connections. Likewise $G_2/G_3 \sim F(d_2, d_3)$, and for a rectangular matrix the variances of column and row
# means in units of the rest are $F(N-1, (M-1)(N-1))$ and $F(M-1, (M-1)(N-1))$. We check the means of these laws on
# 20,000 matrices.

# %%
count, size = 20_000, 6
sample = rng.normal(size=(count, size, size))
F = np.eye(size) - 1 / size
X = F @ sample @ F
trace = np.trace(X, axis1=1, axis2=2)
c2 = trace**2 / (size - 1)
rest = (np.square(X).sum(axis=(1, 2)) - c2) / ((size - 1) ** 2 - 1)
columns = size * np.square(sample.mean(axis=1) - sample.mean(axis=(1, 2))[:, None]).sum(axis=1) / (size - 1)
within = np.square(X).sum(axis=(1, 2)) / (size - 1) ** 2
for name, values, law in (
    ("trace", c2 / rest, scipy.stats.f(1, (size - 1) ** 2 - 1)),
    ("columns", columns / within, scipy.stats.f(size - 1, (size - 1) ** 2)),
):
    print(name, values.mean(), law.mean())
    assert abs(values.mean() - law.mean()) < 5 * law.std() / np.sqrt(count)
one = analyse_matrix(sample[0], replicates=0)
assert np.isclose(one.p_trace, scipy.stats.f(1, (size - 1) ** 2 - 1).sf(c2[0] / rest[0]))
assert np.isclose(one.p_column_hubs, scipy.stats.f(size - 1, (size - 1) ** 2).sf(columns[0] / within[0]))

# %% [markdown]
# ## The law given the trivial components
#
# Components of different irreps are independent in the Gaussian model. So given its trivial components $c$, a matrix is
# Gaussian: its mean is the matrix that has only these components, $b J + c' 1$, and its covariance is that of the model
# without the block of $V_0$. Wick's theorem holds for it: expectation values are those of the full model with
# $\mu = c$ and $G_0 = 0$, where they are polynomials and no block need be positive definite.
#
# The law of total expectation is an exact check for all $N$. The expectation of $\langle O \rangle_c$ over
# $c \sim N(\mu, G_0)$ must be the $\langle O \rangle$ of the full model. For every invariant of degree up to 3:

# %%
mu, g0 = PARAMETERS[:2], PARAMETERS[2:5]
no_covariance = dict.fromkeys(g0, 0)
s, t = sympy.symbols("s t")
exponent = s * mu[0] + t * mu[1] + (s**2 * g0[0] + 2 * s * t * g0[1] + t**2 * g0[2]) / 2
# the terms of the generating function exp(exponent) up to degree 3 are the moments of the normal law
series = sympy.Poly(sum(exponent**k / sympy.factorial(k) for k in range(4)), s, t)
moments = {
    (i, j): sympy.factorial(i) * sympy.factorial(j) * series.coeff_monomial(s**i * t**j)
    for i in range(4)
    for j in range(4 - i)
}


def average_over_trivial(given):
    """The mean of a polynomial in (mu_1, mu_2) over N(mu, G_0)."""
    return sympy.Add(*(value * moments[powers] for powers, value in sympy.Poly(given, *mu).terms()))


graphs = multigraphs(1) + multigraphs(2) + multigraphs(3)
for graph in graphs:
    full = expectation(graph)
    given = full.subs(no_covariance)
    assert sympy.expand(average_over_trivial(given) - full) == 0
print(len(graphs), "invariants; the last given the trivial components:", sympy.factor(given))

# %% [markdown]
# With several matrices each has its own mean, and expectation values are averaged over them. The library does this with
# `given_trivial=True`. Samples keep the trivial components, and linear and quadratic invariants agree with the fit.

# %%
two = rng.normal(size=(2, 7, 7)) + 0.5
model = PIGMM.fit(two, given_trivial=True)
assert model.unknown == ("G0_11", "G0_12", "G0_22")
traces = two.trace(axis1=1, axis2=2)
assert np.allclose(model.sample(4, seed=0).trace(axis1=1, axis2=2), [*traces, *traces])
fixed = multigraphs(1) + multigraphs(2)
assert np.allclose(model.expectation(fixed), evaluate(two, fixed).mean(axis=0))
values = dict(zip(PARAMETERS, model.parameters, strict=True)) | no_covariance
cubic = multigraphs(3)[20]
one_by_one = [
    float(expectation(cubic).subs(SIZE, 7).subs(values | dict(zip(mu, own, strict=True)))) for own in model.given
]
assert np.isclose(model.expectation([cubic])[0], np.mean(one_by_one))

# %% [markdown]
# ## Matrices of the same fit: exact tests of one matrix
#
# Write the copies of an irrep side by side for all its $\nu$ dimensions, $X$ ($k \times \nu$), with independent columns
# of covariance $G$. Let $\hat G = X X^T / \nu = L L^T$, with $L$ lower triangular, and $Q = L^{-1} X$. For another
# covariance, $X$ becomes $K X$ with $K$ lower triangular, $L$ becomes $K L$, and $Q$ stays: its law does not depend on
# $G$. It is independent of $\hat G$, for $X \to X R$ with $R$ orthogonal moves $Q$ alone, to any other frame. So white
# noise, whitened by its own fit and coloured by the measured one, is drawn from the law of the matrices given that fit.
# No parameter is left: whatever invariant is compared with its values in such draws, its rank is uniform, exactly, at
# every $N$ and for a single matrix.
#
# We see it at $N = 6$: the trace of the cube of one matrix of a strongly correlated law, among 19 draws each.

# %%
law = PIGMM(6, [1, 2, 1, 0.3, 1, 3, 1, -0.5, 1, 0.2, 0.5, 0.4, 2])
ranks = []
for number in range(400):
    one = law.sample(1, seed=number)
    fit = PIGMM.fit(one, given_trivial=True)
    drawn = np.array([sample_of_same_fit(fit, [number, k])[0] for k in range(19)])
    cubes = np.trace(np.linalg.matrix_power(np.concatenate([one, drawn]), 3), axis1=1, axis2=2)
    ranks.append(int((cubes[1:] < cubes[0]).sum()))
counts = np.bincount(ranks, minlength=20)
print("ranks", counts, "p of uniform ranks", scipy.stats.chisquare(counts).pvalue)
assert scipy.stats.chisquare(counts).pvalue > 1e-3

# %% [markdown]
# `gaussianity_test(matrix[None], given_trivial=True)` does this for all cubic and quartic invariants together.

# %%
heavy = np.random.default_rng(1).standard_t(3, size=(1, 24, 24))
result = gaussianity_test(heavy, given_trivial=True, replicates=99)
print("one matrix of Student's t, 3 degrees of freedom: p =", result.global_p_value)
assert result.global_p_value == result.smallest_p_value
