# %% [markdown]
# # 6. Rectangular matrices, and square ones that do not know their order
#
# The rows and the columns of an $M \times N$ matrix may be permuted independently, by $S_M \times S_N$. The weights
# between two layers of a network are such a matrix: the units of each layer can be relabelled on their own. This model
# has 1 + 4 parameters. If the matrix is square, it is a restriction of the 13-parameter model to 5, by eight
# constraints, and the expectation values of the many square invariants become combinations of those of a few
# bipartite ones.
#
# ## Irreducible representations
#
# On $V_M \otimes V_N$ the character is $\chi_M(\sigma) \chi_N(\tau)$, the product of the numbers of fixed points.
# Averages over a product of groups are products of averages, so the average is 1 and that of the square is
# $2 \cdot 2 = 4$: one trivial representation, and four irreducible ones in all, each once,
# $(V_0 \oplus V_H) \otimes (V_0 \oplus V_H)$. So there are one mean and four variances.

# %%
from collections import Counter
from fractions import Fraction
from itertools import combinations_with_replacement, permutations, product
from math import factorial, gcd, isqrt, lcm, prod

import numpy as np
import sympy
from sympy import Expr, ff, sqrt

from pigmm.fitting import BlockGaussian
from pigmm.invariants import (
    PARAMETERS,
    RECTANGULAR,
    ROWS,
    SIZE,
    Multigraph,
    count_multigraphs,
    evaluate,
    expectation,
    inverse_map,
    multigraphs,
    statistic_symbol,
    two_point_coefficients,
)
from pigmm.invariants.graphs.partitions import set_partitions
from pigmm.invariants.representation.matrix_kinds import rectangular
from pigmm.invariants.representation.spaces import RectangularSpace
from pigmm.invariants.representation.tensors import SIZES, InvariantTensor, contract

characters = [
    sum(i == s for i, s in enumerate(sigma)) * sum(i == t for i, t in enumerate(tau))
    for sigma in permutations(range(4))
    for tau in permutations(range(3))
]
assert sum(characters) == len(characters)
assert sum(c**2 for c in characters) == 4 * len(characters)
assert len(rectangular().irreps) == 4
assert [str(p.symbol) for p in rectangular().parameters] == ["mu", "G00", "G0H", "GH0", "GHH"]

# %% [markdown]
# The projectors are products of $1/M$ or $F_{ik} = \delta_{ik} - 1/M$ on the rows and $1/N$ or $F_{jl}$ on the
# columns.

# %%
m, n = SIZES
delta = [InvariantTensor.delta(kind, kind) for kind in (0, 1)]
average = [InvariantTensor.ones(kind, kind) / SIZES[kind] for kind in (0, 1)]
centred = [delta[kind] - average[kind] for kind in (0, 1)]
projectors = [
    contract("ik,jl->ijkl", rows, columns) for rows in (average[0], centred[0]) for columns in (average[1], centred[1])
]
total = projectors[0] + projectors[1] + projectors[2] + projectors[3]
assert total == contract("ik,jl->ijkl", *delta)
for x, y in product(range(4), repeat=2):
    square = contract("ijkl,klpq->ijpq", projectors[x], projectors[y])
    assert square == (projectors[x] if x == y else total - total)
for x, dimension in enumerate([n / n, n - 1, m - 1, (m - 1) * (n - 1)]):
    assert contract("ijij->", projectors[x]).terms == {(): dimension}
    assert rectangular().projector(x) == projectors[x]
    assert rectangular().irreps[x].dimension == dimension

# %% [markdown]
# ## The two-point function
#
# $$\langle M_{ij} \rangle = \frac{\mu}{\sqrt{MN}}, \qquad \langle M_{ij} M_{kl} \rangle_c = \frac{G_{00}}{MN}
#   + \frac{G_{0H}}{M} F_{jl} + \frac{G_{H0}}{N} F_{ik} + G_{HH} F_{ik} F_{jl},$$
#
# which has four coefficients, of $\delta_{ik} \delta_{jl}$, $\delta_{ik}$, $\delta_{jl}$ and 1.

# %%
M, N = ROWS, SIZE
mu, g00, g0H, gH0, gHH = (p.symbol for p in rectangular().parameters)
two_point = {
    "m": mu / sqrt(M * N),
    "C_ik_jl": gHH,
    "C_ik": (gH0 - gHH) / N,
    "C_jl": (g0H - gHH) / M,
    "C": (g00 - g0H - gH0 + gHH) / (M * N),
}
of_library = {str(symbol): value for symbol, value in two_point_coefficients(RECTANGULAR).items()}
assert set(of_library) == set(two_point)
for name, value in two_point.items():
    print(name, "=", of_library[name])
    assert sympy.simplify(value - of_library[name]) == 0

# %% [markdown]
# ## Invariants are bipartite multigraphs
#
# A monomial is a bipartite graph, with a node for each row and for each column that occurs. We count the orbits of
# monomials from the definition at $M = N = d$, which is room enough for every graph of degree $d$: a monomial is put
# in normal form by trying all renamings.

# %%


def bipartite_graph(pairs: tuple[tuple[int, int], ...]) -> Multigraph:
    """The bipartite multigraph of a monomial prod M_ij, from its list of (row, column)."""
    row = {i: place for place, i in enumerate(sorted({i for i, _ in pairs}))}
    column = {j: len(row) + place for place, j in enumerate(sorted({j for _, j in pairs}))}
    return Multigraph([(row[i], column[j]) for i, j in pairs], kinds=[0] * len(row) + [1] * len(column))


def orbits(degree: int) -> list[tuple[tuple[int, int], ...]]:
    """One monomial of each orbit of S_d x S_d."""
    renamings = list(permutations(range(degree)))
    seen: set[tuple[tuple[int, int], ...]] = set()
    found = []
    for monomial in combinations_with_replacement(list(product(range(degree), repeat=2)), degree):
        if monomial not in seen:
            found.append(monomial)
            seen |= {tuple(sorted((s[i], t[j]) for i, j in monomial)) for s in renamings for t in renamings}
    return found


for degree in (1, 2, 3, 4):
    representatives = orbits(degree)
    graphs = {bipartite_graph(monomial) for monomial in representatives}
    print(degree, len(representatives))
    assert len(graphs) == len(representatives)
    assert graphs == set(multigraphs(degree, RECTANGULAR))

# %% [markdown]
# Burnside's lemma counts further: a pair of permutations with cycles of lengths $a$ and $b$ has on the entries
# $\gcd(a, b)$ cycles of length $\mathrm{lcm}(a, b)$, and the monomials left in place are counted by
# $\prod 1 / (1 - x^{\mathrm{length}})$. This is sequence A007716 of the OEIS.

# %%


def integer_partitions(total: int, largest: int) -> list[list[int]]:
    """Partitions of an integer into parts of at most `largest`."""
    if total == 0:
        return [[]]
    return [[k, *rest] for k in range(min(total, largest), 0, -1) for rest in integer_partitions(total - k, k)]


def burnside(degree: int) -> Fraction:
    """The average number of monomials of a degree that a pair of permutations leaves in place."""
    average = Fraction(0)
    types = integer_partitions(degree, degree)
    for first, second in product(types, repeat=2):
        series = [1] + [0] * degree
        for a, b in product(first, second):
            for _ in range(gcd(a, b)):
                for power in range(lcm(a, b), degree + 1):
                    series[power] += series[power - lcm(a, b)]
        centralisers = [prod(k**c * factorial(c) for k, c in Counter(t).items()) for t in (first, second)]
        average += Fraction(series[degree], prod(centralisers))
    return average


counts = [burnside(degree) for degree in range(1, 7)]
print(*counts)
assert counts == [1, 4, 10, 33, 91, 298] == [count_multigraphs(d, family=RECTANGULAR) for d in range(1, 7)]
assert len(multigraphs(5, RECTANGULAR)) == 91

# %% [markdown]
# ## Quadratic expectation values and their inverse
#
# The components are $X$ (overall), $h_j$ (columns), $k_i$ (rows) and the doubly centred rest. The column sums are
# $c_j = \sqrt{M/N}\, X + \sqrt M\, h_j$, the row sums $r_i = \sqrt{N/M}\, X + \sqrt N\, k_i$, and the sum of all
# squares is that of the components. With $\langle X^2 \rangle = G_{00} + \mu^2$,
# $\langle |h|^2 \rangle = (N-1) G_{0H}$, $\langle |k|^2 \rangle = (M-1) G_{H0}$:

# %%
shape = (3, 5)
matrix = np.random.default_rng(0).normal(size=shape)
X, h, k, _ = (part[0] for part in RectangularSpace(*shape).project(matrix))
assert np.allclose(matrix.sum(axis=0), np.sqrt(shape[0] / shape[1]) * X + np.sqrt(shape[0]) * h)
assert np.allclose(matrix.sum(axis=1), np.sqrt(shape[1] / shape[0]) * X + np.sqrt(shape[1]) * k)

sum_graph = bipartite_graph(((0, 0),))
squares_graph, rows_graph = bipartite_graph(((0, 0), (0, 0))), bipartite_graph(((0, 0), (0, 1)))
columns_graph, product_graph = bipartite_graph(((0, 0), (1, 0))), bipartite_graph(((0, 0), (1, 1)))
by_hand = {
    sum_graph: sqrt(M * N) * mu,
    squares_graph: g00 + mu**2 + (N - 1) * g0H + (M - 1) * gH0 + (M - 1) * (N - 1) * gHH,
    rows_graph: N * (g00 + mu**2) + N * (M - 1) * gH0,
    columns_graph: M * (g00 + mu**2) + M * (N - 1) * g0H,
    product_graph: M * N * (g00 + mu**2),
}
values = [
    matrix.sum(),
    (matrix**2).sum(),
    (matrix.sum(axis=1) ** 2).sum(),
    (matrix.sum(axis=0) ** 2).sum(),
    matrix.sum() ** 2,
]
assert np.allclose(evaluate(matrix, list(by_hand)), values)
for graph, value in by_hand.items():
    print(f"<{graph.formula}> = {value}")
    assert sympy.simplify(value - expectation(graph)) == 0

T0, T_squares, T_rows, T_columns, T_product = (statistic_symbol(graph) for graph in by_hand)
estimate_0H = (T_columns - T_product / N) / (M * (N - 1))
estimate_H0 = (T_rows - T_product / M) / (N * (M - 1))
rest = T_squares - T_product / (M * N) - (N - 1) * estimate_0H - (M - 1) * estimate_H0
estimates = [
    T0 / sqrt(M * N),
    (T_product - T0**2) / (M * N),
    estimate_0H,
    estimate_H0,
    rest / ((M - 1) * (N - 1)),
]
forward = {statistic_symbol(graph): value for graph, value in by_hand.items()}
inverse = dict(zip((mu, g00, g0H, gH0, gHH), estimates, strict=True))
for (parameter, estimate), library_estimate in zip(inverse.items(), inverse_map(RECTANGULAR), strict=True):
    assert sympy.simplify(estimate.subs(forward) - parameter) == 0
    assert sympy.simplify(estimate - library_estimate) == 0
for average_symbol, value in forward.items():
    assert sympy.simplify(value.subs(inverse) - average_symbol) == 0

# %% [markdown]
# Beyond the fit: the ten cubics at $M = 2$, $N = 8$, by the definition. The sum over all values of the indices, and
# for each the four Wick contractions of three factors, in rational numbers ($\sqrt{MN} = 4$).

# %%
sizes = (2, 8)
numbers = {mu: Fraction(3), g00: Fraction(2), g0H: Fraction(1, 3), gH0: Fraction(5, 2), gHH: Fraction(7, 4)}
root = isqrt(sizes[0] * sizes[1])
assert root**2 == sizes[0] * sizes[1]
mean = numbers[mu] / root
two_point_numbers = {
    (True, True): numbers[gHH],
    (True, False): (numbers[gH0] - numbers[gHH]) / sizes[1],
    (False, True): (numbers[g0H] - numbers[gHH]) / sizes[0],
    (False, False): (numbers[g00] - numbers[g0H] - numbers[gH0] + numbers[gHH]) / (sizes[0] * sizes[1]),
}
# the covariance of two entries: all terms whose deltas hold
covariance = {
    (row, column): sum(v for (r, c), v in two_point_numbers.items() if (row or not r) and (column or not c))
    for row, column in two_point_numbers
}
for graph in multigraphs(3, RECTANGULAR):
    total_value = Fraction(0)
    for index in product(*(range(sizes[kind]) for kind in graph.kinds)):
        (i, j), (k, l), (p, q) = ((index[tail], index[head]) for tail, head in graph.arcs)
        pairs = covariance[i == k, j == l] + covariance[i == p, j == q] + covariance[k == p, l == q]
        total_value += mean**3 + mean * pairs
    of_library = expectation(graph, size=sizes).subs({s: sympy.Rational(v) for s, v in numbers.items()})
    assert of_library == sympy.Rational(total_value)

# %% [markdown]
# ## Eight constraints
#
# Now let the matrix be square, and its distribution invariant under $S_N \times S_N$. It is one of the 13-parameter
# family, in which mean and two-point function contain the four and the one diagrams above only. The other eight
# coefficients, that of $\delta_{ij}$ in the mean and seven in the covariance, vanish; these are linear equations for
# the 13 parameters, and their solution is
#
# $$\mu_2 = G^0_{12} = G^H_{12} = G^H_{13} = G^H_{23} = 0, \qquad G^0_{22} = G^H_{33} = G_2 = G_3 = G_{HH},$$
#
# with $\mu_1 = \mu$, $G^0_{11} = G_{00}$, $G^H_{11} = G_{0H}$ and $G^H_{22} = G_{H0}$ left.

# %%
mu_1, mu_2, G0_11, G0_12, G0_22, GH_11, GH_12, GH_13, GH_22, GH_23, GH_33, G2, G3 = PARAMETERS
of_square = {str(symbol): value for symbol, value in two_point_coefficients().items()}
forbidden = [value for name, value in of_square.items() if name not in two_point]
assert len(forbidden) == 8
solution = sympy.solve(forbidden, [mu_2, G0_12, G0_22, GH_12, GH_13, GH_23, GH_33, G3], dict=True)
assert solution == [dict.fromkeys([mu_2, G0_12, GH_12, GH_13, GH_23], 0) | dict.fromkeys([G0_22, GH_33, G3], G2)]
restriction = {parameter: sympy.Integer(0) for parameter in PARAMETERS}
restriction |= {mu_1: mu, G0_11: g00, GH_11: g0H, GH_22: gH0, G0_22: gHH, GH_33: gHH, G2: gHH, G3: gHH}
for name, value in two_point.items():
    assert sympy.simplify((of_square[name].subs(restriction) - value).subs(M, N)) == 0

# %% [markdown]
# ## Graphs collapse by splitting their nodes
#
# In a square matrix an index may be the row index of one factor and the column index of another. Under independent
# permutations that coincidence means nothing. So each node of a directed graph $G$ is split into a row node, which
# keeps the arcs that leave, and a column node, which keeps those that enter; the result $\beta(G)$ is bipartite.
#
# Every bipartite graph is met, being the split of itself with arcs from rows to columns. So the 2, 11, 52, 296
# directed graphs collapse to 1, 4, 10, 33.

# %%


def split(graph: Multigraph) -> Multigraph:
    """Each node divided into a row node and a column node."""
    return bipartite_graph(graph.arcs)


for degree, (before, after) in enumerate([(2, 1), (11, 4), (52, 10), (296, 33)], start=1):
    images = Counter(split(graph) for graph in multigraphs(degree))
    assert sum(images.values()) == before
    assert set(images) == set(multigraphs(degree, RECTANGULAR))
    assert len(images) == after
    for bipartite in images:
        assert split(Multigraph(bipartite.arcs)) == bipartite
    print(f"degree {degree}: {before} graphs collapse to {after}")

# %% [markdown]
# For expectation values the collapse is exact term by term. Let $O'_G$ be the sum over distinct indices, of which
# there are $N (N-1) \cdots = N^{\underline{n}}$ terms for $n$ nodes. All terms have the same expectation value, and so
# do all those of $O'_{\beta(G)}$, with $r$ row and $c$ column nodes, because the two groups move rows and columns
# freely:
#
# $$\frac{\langle O'_G \rangle}{N^{\underline n}}
#   = \frac{\langle O'_{\beta(G)} \rangle}{N^{\underline r} N^{\underline c}}.$$
#
# Independent sums $O_G$ are sums of $O'$ over the ways to merge nodes, and the $O'$ of bipartite graphs are
# combinations of their $O$ by Möbius inversion, with $\prod (-1)^{b-1} (b-1)!$ over the blocks of $b$ nodes. So the
# expectation value of a square graph is a combination of those of bipartite ones, its coefficients rational in $N$.

# %%


def merge(graph: Multigraph, partition: tuple[int, ...]) -> Multigraph:
    """Nodes of the same block become one; blocks do not mix rows and columns."""
    kinds = [graph.kinds[partition.index(block)] for block in sorted(set(partition))]
    return Multigraph([(partition[tail], partition[head]) for tail, head in graph.arcs], kinds=kinds)


def collapse(graph: Multigraph) -> dict[Multigraph, Expr]:
    """The combination of bipartite graphs with the same expectation value under S_N x S_N."""
    result: dict[Multigraph, Expr] = {}
    for partition in set_partitions(graph.number_of_nodes):
        merged = merge(graph, partition)
        bipartite = split(merged)
        rows, columns = bipartite.kinds.count(0), bipartite.kinds.count(1)
        ratio = ff(N, merged.number_of_nodes) / (ff(N, rows) * ff(N, columns))
        for finer in set_partitions(len(bipartite.kinds)):
            if any(bipartite.kinds[a] != bipartite.kinds[finer.index(b)] for a, b in enumerate(finer)):
                continue
            sign = prod((-1) ** (b - 1) * factorial(b - 1) for b in Counter(finer).values())
            target = merge(bipartite, finer)
            result[target] = result.get(target, sympy.Integer(0)) + sign * ratio
    return {g: value for g, c in result.items() if (value := sympy.factor(sympy.expand_func(c))) != 0}


for graph in multigraphs(1) + multigraphs(2):
    combination = collapse(graph)
    print(graph.formula, "~", {g.label: c for g, c in combination.items()})
    restricted = expectation(graph).subs(restriction)
    bipartite_value = sum(c * expectation(g).subs(M, N) for g, c in combination.items())
    assert sympy.simplify(restricted - bipartite_value) == 0

# %% [markdown]
# For instance $\langle \mathrm{tr}\, M \rangle = \langle \sum_{ij} M_{ij} \rangle / N$, which is the content of
# $\mu_2 = 0$. And the rule holds for all 52 cubics, here at $N = 5$.

# %%
assert collapse(Multigraph([(0, 0)])) == {sum_graph: 1 / N}
for graph in multigraphs(3):
    restricted = expectation(graph, size=5).subs(restriction)
    bipartite_value = sum(c.subs(N, 5) * expectation(g, size=(5, 5)) for g, c in collapse(graph).items())
    assert sympy.expand(restricted - bipartite_value) == 0

# %% [markdown]
# A check with samples: matrices of the rectangular model, square in shape, averaged over a graph that is not
# bipartite.

# %%
theta = [3.0, 2.0, 0.5, 2.5, 1.0]
samples = BlockGaussian(RectangularSpace(5, 5), theta).sample(100_000, seed=1)
for graph in (Multigraph([(0, 1), (1, 0)]), Multigraph([(0, 0), (0, 1)])):
    at = dict(zip((mu, g00, g0H, gH0, gHH), theta, strict=True)) | {N: 5}
    exact = float(expectation(graph).subs(restriction).subs(at))
    values = evaluate(samples, [graph])[:, 0]
    print(graph.formula, exact, values.mean())
    assert abs(values.mean() - exact) < 4 * values.std() / np.sqrt(len(values))
