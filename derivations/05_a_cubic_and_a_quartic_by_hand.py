# %% [markdown]
# # 5. A cubic and a quartic invariant by hand
#
# The model is fitted to linear and quadratic averages. What it says of cubic and quartic ones are predictions, and
# they come from Wick's theorem: the expectation value of a product of Gaussian variables is the sum over all ways to
# take the factors one by one (a mean) or two by two (a covariance). We compute two of them with pencil and paper,
#
# $$\Big\langle \sum_{ijk} M_{ij} M_{jk} M_{ki} \Big\rangle = \langle \mathrm{tr}\, M^3 \rangle
#   \qquad \text{and} \qquad \Big\langle \sum_{ij} M_{ij}^4 \Big\rangle,$$
#
# compare them with the library's, for every $N$, and with samples.
#
# ## How many terms
#
# A Wick contraction of $d$ factors is a partition into singles and pairs. There are 1, 2, 4, 10, 26, 76 for
# $d = 1, \dots, 6$: the last factor is single, or paired with one of $d - 1$ others.

# %%
from collections.abc import Iterator
from math import prod

import numpy as np
from sympy import QQ, Expr, Symbol, ring, sqrt
from sympy.polys.rings import PolyElement

from pigmm.fitting import PIGMM
from pigmm.invariants import PARAMETERS, SIZE, Multigraph, expectation, two_point_expectation, two_point_symbols


def wick_contractions(factors: tuple[int, ...]) -> Iterator[list[tuple[int, ...]]]:
    """All partitions of the factors into singles and pairs."""
    if not factors:
        yield []
        return
    first, rest = factors[0], factors[1:]
    for others in wick_contractions(rest):
        yield [(first,), *others]
    for partner in rest:
        for others in wick_contractions(tuple(f for f in rest if f != partner)):
            yield [(first, partner), *others]


numbers = [len(list(wick_contractions(tuple(range(d))))) for d in range(1, 7)]
print(numbers)
assert numbers == [1, 2, 4, 10, 26, 76]
assert all(numbers[d] == numbers[d - 1] + d * numbers[d - 2] for d in range(2, 6))
cubic_terms, quartic_terms = list(wick_contractions((0, 1, 2))), list(wick_contractions((0, 1, 2, 3)))
print(cubic_terms)

# %% [markdown]
# The mean has 2 terms in the diagram basis ($\delta_{ij}$ and 1) and the covariance 15, one for each set partition of
# its four indices. So a cubic has $2^3 + 3 \cdot 15 \cdot 2 = 98$ terms and a quartic
# $2^4 + 6 \cdot 15 \cdot 2^2 + 3 \cdot 15^2 = 1051$. The library's result has as many: with all coefficients 1 and
# $N = 1$ every term contributes 1.

# %%
cubic, quartic = Multigraph([(0, 1), (1, 2), (2, 0)]), Multigraph([(0, 1)] * 4)
print(cubic.formula, "|", quartic.formula)
all_one = dict.fromkeys(two_point_symbols(), 1) | {SIZE: 1}
for graph, terms, total in ((cubic, cubic_terms, 98), (quartic, quartic_terms, 1051)):
    counted = sum(2 ** sum(len(f) == 1 for f in term) * 15 ** sum(len(f) == 2 for f in term) for term in terms)
    assert counted == total == two_point_expectation(graph).subs(all_one)

# %% [markdown]
# ## The cubic
#
# Write $M = m + X$ with the mean $m$ and a centred $X$. Of the four contractions the one with three singles is
# $\mathrm{tr}\, m^3$, and the three others are equal, since the trace is cyclic:
#
# $$\langle \mathrm{tr}\, M^3 \rangle = \mathrm{tr}\, m^3 + 3\, \langle \mathrm{tr}\, (m X X) \rangle.$$
#
# The mean is $m = \mu_1 P + \frac{\mu_2}{\sqrt{N-1}} F$, with the projectors $P_{ij} = 1/N$ and $F = 1 - P$ of ranks 1
# and $N - 1$. So
#
# $$\mathrm{tr}\, m^3 = \mu_1^3 + (N-1) \Big( \frac{\mu_2}{\sqrt{N-1}} \Big)^3, \qquad
#   \mathrm{tr}\, (m X X) = \mu_1\, \mathrm{tr}\, (P X X) + \frac{\mu_2}{\sqrt{N-1}} \big[ \mathrm{tr}\, X^2
#   - \mathrm{tr}\, (P X X) \big].$$
#
# Step two: $\mathrm{tr}\, (P X X) = \frac1N \sum_j c_j r_j$ with the column and row sums $c$ and $r$ of $X$. In
# components $c = X_1 + \sqrt N\, h^1$ and $r = X_1 + \sqrt N\, h^2$, hence
#
# $$\langle \mathrm{tr}\, (P X X) \rangle = G^0_{11} + (N-1)\, G^H_{12}.$$
#
# Step three: $\mathrm{tr}\, X^2$ is the scalar product of $X$ with its transpose. Transposition exchanges $h^1$ and
# $h^2$ and reverses the sign of $V_3$, so
#
# $$\langle \mathrm{tr}\, X^2 \rangle = G^0_{11} + G^0_{22} + (N-1) (2 G^H_{12} + G^H_{33})
#   + \tfrac{N(N-3)}{2} G_2 - \tfrac{(N-1)(N-2)}{2} G_3.$$

# %%
N = SIZE
mu_1, mu_2, G0_11, G0_12, G0_22, GH_11, GH_12, GH_13, GH_22, GH_23, GH_33, G2, G3 = PARAMETERS
d2, d3 = N * (N - 3) / 2, (N - 1) * (N - 2) / 2
trace_PXX = G0_11 + (N - 1) * GH_12
trace_XX = G0_11 + G0_22 + (N - 1) * (2 * GH_12 + GH_33) + d2 * G2 - d3 * G3
trace_mmm = mu_1**3 + (N - 1) * (mu_2 / sqrt(N - 1)) ** 3
cubic_by_hand = trace_mmm + 3 * (mu_1 * trace_PXX + mu_2 / sqrt(N - 1) * (trace_XX - trace_PXX))

# %% [markdown]
# The library's result is the same expression. To compare, write both as polynomials in the parameters, whose
# coefficients are rational functions of $t$ by $\sqrt{N-1} = (t + 1/t)/2$, $\sqrt{N-2} = (t - 1/t)/2$: equal
# expressions become equal polynomials.

# %%
x = Symbol("x")
POLYNOMIALS = ring([*PARAMETERS, x], QQ.frac_field(Symbol("t")))[0]
t = POLYNOMIALS.domain.gens[0]
roots = {N - 1: (t + 1 / t) / 2, N - 2: (t - 1 / t) / 2}
known = dict(zip([*PARAMETERS, x], POLYNOMIALS.gens, strict=True)) | {N: POLYNOMIALS(1 + roots[N - 1] ** 2)}


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


def same(left: Expr, right: Expr) -> bool:
    """Whether two expressions are equal for every N."""
    return exact(left) == exact(right)


assert not same(cubic_by_hand, cubic_by_hand + mu_1 * G0_11)
print("<tr M^3> =", expectation(cubic))
assert same(cubic_by_hand, expectation(cubic))

# %% [markdown]
# ## The quartic
#
# All four factors are the same entry, so Wick's theorem is that of one variable of mean $m$ and variance $v$: one
# contraction of singles, six with a pair, three with two pairs,
#
# $$\langle M_{ij}^4 \rangle = m_{ij}^4 + 6\, m_{ij}^2 v_{ij} + 3\, v_{ij}^2.$$

# %%
by_pairs = [sum(sum(len(f) == 2 for f in term) == pairs for term in quartic_terms) for pairs in range(3)]
assert by_pairs == [1, 6, 3]

# %% [markdown]
# By symmetry $m_{ij}$ and $v_{ij}$ take two values each, one on the diagonal and one off it. The means are
#
# $$m_d = \frac{\mu_1}{N} + \frac{\sqrt{N-1}}{N} \mu_2, \qquad m_o = \frac{\mu_1}{N} - \frac{\mu_2}{N \sqrt{N-1}}.$$
#
# The diagonal of $X$ is $\frac{X_1 + \sqrt{N-1} X_2}{N} + \frac{h^1 + h^2}{\sqrt N} + \sqrt{\frac{N-2}{N}} h^3$, a
# constant and a vector of zero sum. The mean of its square over the $N$ places is $v_d$; and the mean of all squares,
# which is that over all components, leaves $v_o$:
#
# $$\begin{aligned} v_d ={}& \frac{G^0_{11} + 2 \sqrt{N-1}\, G^0_{12} + (N-1) G^0_{22}}{N^2} \\
# & + \frac{N-1}{N^2} \Big[ G^H_{11} + 2 G^H_{12} + G^H_{22} + 2 \sqrt{N-2}\, (G^H_{13} + G^H_{23})
#   + (N-2) G^H_{33} \Big], \end{aligned}$$
#
# $$N v_d + N(N-1) v_o = G^0_{11} + G^0_{22} + (N-1) (G^H_{11} + G^H_{22} + G^H_{33}) + \tfrac{N(N-3)}{2} G_2
#   + \tfrac{(N-1)(N-2)}{2} G_3.$$

# %%
m_d, m_o = mu_1 / N + sqrt(N - 1) * mu_2 / N, mu_1 / N - mu_2 / (N * sqrt(N - 1))
v_d = (G0_11 + 2 * sqrt(N - 1) * G0_12 + (N - 1) * G0_22) / N**2
v_d += (N - 1) / N**2 * (GH_11 + 2 * GH_12 + GH_22 + 2 * sqrt(N - 2) * (GH_13 + GH_23) + (N - 2) * GH_33)
all_squares = G0_11 + G0_22 + (N - 1) * (GH_11 + GH_22 + GH_33) + d2 * G2 + d3 * G3
v_o = (all_squares - N * v_d) / (N * (N - 1))


def fourth_moment(m: Expr, v: Expr) -> Expr:
    """Of a Gaussian variable of mean m and variance v."""
    return m**4 + 6 * m**2 * v + 3 * v**2


quartic_by_hand = N * fourth_moment(m_d, v_d) + N * (N - 1) * fourth_moment(m_o, v_o)
print(len(expectation(quartic).args), "monomials")
assert same(quartic_by_hand, expectation(quartic))

# %% [markdown]
# ## Symmetries
#
# Transposing $M$ exchanges $h^1$ and $h^2$: $G^H_{11}$ with $G^H_{22}$, $G^H_{13}$ with $G^H_{23}$. Both graphs are
# their own reverses, so the results must not change. For the graph of $\sum M_{ij} M_{ik} M_{il}$, a sum over rows, it
# must give that of its reverse, a sum over columns.

# %%
transposed = {GH_11: GH_22, GH_22: GH_11, GH_13: GH_23, GH_23: GH_13}
for graph in (cubic, quartic):
    assert graph == Multigraph([(head, tail) for tail, head in graph.arcs])
    assert same(expectation(graph).subs(transposed, simultaneous=True), expectation(graph))
star = Multigraph([(0, 1), (0, 2), (0, 3)])
reverse = Multigraph([(head, tail) for tail, head in star.arcs])
assert star != reverse
assert not same(expectation(star), expectation(reverse))
assert same(expectation(star).subs(transposed, simultaneous=True), expectation(reverse))

# %% [markdown]
# Adding a multiple of the unit matrix, $M \to M + x$, changes the means alone, $\mu_1 \to \mu_1 + x$ and
# $\mu_2 \to \mu_2 + x \sqrt{N-1}$; and $\mathrm{tr}\, (M + x)^3$ is a sum of traces of lower powers.

# %%
trace, trace_of_square = expectation(Multigraph([(0, 0)])), expectation(Multigraph([(0, 1), (1, 0)]))
shifted = expectation(cubic).subs({mu_1: mu_1 + x, mu_2: mu_2 + x * sqrt(N - 1)}, simultaneous=True)
expanded = expectation(cubic) + 3 * x * trace_of_square + 3 * x**2 * trace + N * x**3
assert same(shifted, expanded)

# %% [markdown]
# ## Samples
#
# Last, a measurement: 200,000 matrices at $N = 5$, the averages computed entry by entry. The budget brings the
# standard errors below one per cent, and the formulas must lie within four of them.

# %%
size, budget = 5, 200_000
theta = np.array([1.5, -1.0, 1.0, 0.4, 2.0, 1.0, 0.2, -0.3, 1.5, 0.1, 0.8, 0.6, 1.4])
samples = PIGMM(size, theta).sample(budget, seed=5)
at = dict(zip(PARAMETERS, theta, strict=True)) | {N: size}
for name, by_hand, values in (
    ("tr M^3", cubic_by_hand, np.trace(samples @ samples @ samples, axis1=1, axis2=2)),
    ("sum M_ij^4", quartic_by_hand, (samples**4).sum(axis=(1, 2))),
):
    value, measured, error = float(by_hand.subs(at)), values.mean(), values.std() / np.sqrt(budget)
    print(f"{name}: exact {value:.3f}, measured {measured:.3f} +- {error:.3f}")
    assert error < 0.01 * abs(value)
    assert abs(measured - value) < 4 * error
