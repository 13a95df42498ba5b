# %% [markdown]
# # 8. Symmetric matrices, and several at once
#
# Correlation and distance matrices are symmetric; a network has several weight matrices, and words of a language have
# matrices that may be multiplied. The same representation theory serves them: the symmetric matrices are a part of the
# square ones, and for several matrices only the number of copies grows. We derive the invariants, the decompositions
# and the numbers of parameters (9 for symmetric matrices, 4 if the diagonal is zero, 41 for two square matrices) and
# check that the models fit into each other.
#
# ## Invariants
#
# The graphs of a symmetric matrix are undirected, those of one with zero diagonal have no loops, those of two matrices
# have arcs of two colours. As before we list monomials, and join those that a transposition or a cycle, the generators
# of $S_N$, map to each other; $N$ is twice the degree.

# %%
from collections.abc import Sequence
from itertools import combinations_with_replacement, permutations, product
from math import factorial

import numpy as np
import sympy
from sympy import Rational, sqrt

from pigmm.fitting import BlockGaussian
from pigmm.invariants import (
    PARAMETERS,
    SIZE,
    SYMMETRIC,
    SYMMETRIC_ZERO_DIAGONAL,
    TWO_SQUARE,
    Multigraph,
    count_multigraphs,
    evaluate,
    expectation,
    multigraphs,
)
from pigmm.invariants.representation.matrix_kinds import several_square, symmetric, symmetric_zero_diagonal
from pigmm.invariants.representation.spaces import MultiMatrixSpace
from pigmm.invariants.representation.tensors import SIZES, InvariantTensor, contract

Entry = tuple[int, int, int]  # row, column, matrix


def orbits(entries: Sequence[Entry], degrees: tuple[int, ...], size: int, directed: bool) -> list[tuple[Entry, ...]]:
    """One monomial from each orbit: of a given degree in each matrix."""
    choices = [
        combinations_with_replacement([e for e in entries if e[2] == colour], d) for colour, d in enumerate(degrees)
    ]
    monomials = [sum(parts, ()) for parts in product(*choices)]
    number = {monomial: k for k, monomial in enumerate(monomials)}

    def moved(entry: Entry, image: list[int]) -> Entry:
        i, j = image[entry[0]], image[entry[1]]
        return (i, j, entry[2]) if directed else (min(i, j), max(i, j), entry[2])

    def image_of(monomial: tuple[Entry, ...], image: list[int]) -> int:
        return number[tuple(sorted((moved(e, image) for e in monomial), key=lambda e: (e[2], e)))]

    generators = [[1, 0, *range(2, size)], [*range(1, size), 0]]
    seen = [False] * len(monomials)
    found = []
    for start, monomial in enumerate(monomials):
        if seen[start]:
            continue
        found.append(monomial)
        reached = [start]
        seen[start] = True
        for k in reached:
            for image in generators:
                other = image_of(monomials[k], image)
                if not seen[other]:
                    seen[other] = True
                    reached.append(other)
    return found


def graph_of(monomial: tuple[Entry, ...], directed: bool) -> Multigraph:
    """The graph of a monomial."""
    names = {index: place for place, index in enumerate(sorted({i for entry in monomial for i in entry[:2]}))}
    return Multigraph([(names[i], names[j]) for i, j, _ in monomial], [c for _, _, c in monomial], directed=directed)


# %% [markdown]
# Symmetric matrices, with and without a diagonal:

# %%
for family, diagonal, expected in ((SYMMETRIC, True, [2, 7, 23]), (SYMMETRIC_ZERO_DIAGONAL, False, [1, 3, 8])):
    for degree, count in enumerate(expected, start=1):
        size = 2 * degree
        entries = [(i, j, 0) for i in range(size) for j in range(i if diagonal else i + 1, size)]
        found = {graph_of(monomial, False) for monomial in orbits(entries, (degree,), size, False)}
        assert len(found) == count == count_multigraphs(degree, family=family)
        assert found == set(multigraphs(degree, family))
assert count_multigraphs(4, family=SYMMETRIC_ZERO_DIAGONAL) == 23 == len(multigraphs(4, SYMMETRIC_ZERO_DIAGONAL))

# %% [markdown]
# Two matrices, by the degree in each: 15 graphs with one arc of each colour (all partitions of the four ends), 117
# with 2 + 1. For 3 + 1 and 2 + 2 the library's two ways to count agree, Burnside's lemma and the list.

# %%
for degrees, count in (((1, 1), 15), ((2, 1), 117)):
    size = 2 * sum(degrees)
    entries = [(i, j, colour) for colour in (0, 1) for i, j in product(range(size), repeat=2)]
    found = {graph_of(monomial, True) for monomial in orbits(entries, degrees, size, True)}
    listed = {g for g in multigraphs(sum(degrees), TWO_SQUARE) if g.colours.count(0) == degrees[0]}
    assert found == listed
    assert len(found) == count == count_multigraphs(degrees, family=TWO_SQUARE)
for degrees, count in (((3, 1), 877), ((2, 2), 1252)):
    listed = {g for g in multigraphs(4, TWO_SQUARE) if g.colours.count(0) == degrees[0]}
    assert len(listed) == count == count_multigraphs(degrees, family=TWO_SQUARE)

# %% [markdown]
# ## Characters
#
# The symmetric square of $V_N$ has the character $(\chi(\sigma)^2 + \chi(\sigma^2))/2$, with $\chi$ the number of
# fixed points; the diagonal is a $V_N$, with the character $\chi$. The squared norms are $9 = 2^2 + 2^2 + 1$ and
# $3 = 1 + 1 + 1$, and there are 2 and 1 trivial representations. So symmetric matrices are $2 V_0 + 2 V_H + V_2$, with
# $2 + 3 + 3 + 1 = 9$ parameters, and without the diagonal $V_0 + V_H + V_2$, with $1 + 3$. Two square matrices are
# $4 V_0 + 6 V_H + 2 V_2 + 2 V_3$, with $4 + 10 + 21 + 3 + 3 = 41$.

# %%
characters = []
for sigma in permutations(range(5)):
    fixed = sum(s == i for i, s in enumerate(sigma))
    fixed_twice = sum(sigma[s] == i for i, s in enumerate(sigma))
    characters.append((Rational(fixed**2 + fixed_twice, 2), Rational(fixed**2 + fixed_twice, 2) - fixed))
for k, (norm, trivial_copies) in enumerate([(9, 2), (3, 1)]):
    assert sum(c[k] ** 2 for c in characters) == norm * factorial(5)
    assert sum(c[k] for c in characters) == trivial_copies * factorial(5)
for decomposition, copies, parameters in (
    (symmetric(), [2, 2, 1], 9),
    (symmetric_zero_diagonal(), [1, 1, 1], 4),
    (several_square(2), [4, 6, 2, 2], 41),
):
    assert [len(irrep.copies) for irrep in decomposition.irreps] == copies
    assert copies[0] + sum(c * (c + 1) // 2 for c in copies) == parameters == len(decomposition.parameters)

# %% [markdown]
# ## Projectors
#
# In symmetric matrices the two vectors of row and column sums are one, with the tensor $F_{aj} + F_{ai}$ of norm $2N$;
# $V_3$ is gone. The projectors add up to $\frac12 (\delta_{ik} \delta_{jl} + \delta_{il} \delta_{jk})$.

# %%
n = SIZES[0]
delta, ones, one = InvariantTensor.delta(0, 0), InvariantTensor.ones(0, 0), InvariantTensor.ones(0)
F = delta - ones / n
sums = contract("aj,i->aij", F, one) + contract("ai,j->aij", F, one)
diagonal_vector = contract("am,mi,mj->aij", F, F, F)
exchange = contract("ik,jl->ijkl", F, F) + contract("il,jk->ijkl", F, F)
P2 = exchange / 2 - contract("ij,kl->ijkl", F, F) / (n - 1)
P2 = P2 - contract("aij,akl->ijkl", diagonal_vector, diagonal_vector) * (n / (n - 2))


def check_projectors(projectors: list[InvariantTensor], total: InvariantTensor, dimensions: list, kind) -> None:
    """Orthogonal, complete, of the given traces, and those of the library."""
    for x, left in enumerate(projectors):
        for y, right in enumerate(projectors):
            assert contract("ijkl,klpq->ijpq", left, right) == (left if x == y else left - left)
    added = projectors[0]
    for projector in projectors[1:]:
        added = added + projector
    assert added == total
    assert [contract("ijij->", projector).terms[()] for projector in projectors] == dimensions
    copies = [(r, x) for r, irrep in enumerate(kind.irreps) for x in range(len(irrep.copies))]
    assert [kind.projector(r, x) for r, x in copies] == projectors
    assert [kind.irreps[r].dimension for r, _ in copies] == dimensions


symmetrised = (contract("ik,jl->ijkl", delta, delta) + contract("il,jk->ijkl", delta, delta)) / 2
assert contract("aij,bij->ab", sums, sums) == F * (2 * n)
symmetric_projectors = [
    contract("ij,kl->ijkl", ones, ones) / n**2,
    contract("ij,kl->ijkl", F, F) / (n - 1),
    contract("aij,akl->ijkl", sums, sums) / (2 * n),
    contract("aij,akl->ijkl", diagonal_vector, diagonal_vector) * (n / (n - 2)),
    P2,
]
dimension_2 = n * (n - 3) / 2
check_projectors(symmetric_projectors, symmetrised, [n / n, n / n, n - 1, n - 1, dimension_2], symmetric())

# %% [markdown]
# With a zero diagonal there are $u_{ij} = 1 - \delta_{ij}$, of squared length $N(N-1)$, and the vector
# $(F_{ai} + F_{aj}) u_{ij}$, of norm $2(N-2)$. $V_2$ has no diagonal to begin with. The projectors add up to the
# symmetrised identity less $\delta_{ijkl}$.

# %%
u = ones - delta
vector = contract("ai,ij->aij", F, u) + contract("aj,ij->aij", F, u)
assert contract("ij,ij->", u, u).terms == {(): n * (n - 1)}
assert contract("aij,bij->ab", vector, vector) == F * (2 * (n - 2))
assert contract("iikl->ikl", P2).terms == {}
off_diagonal_projectors = [
    contract("ij,kl->ijkl", u, u) / (n * (n - 1)),
    contract("aij,akl->ijkl", vector, vector) / (2 * (n - 2)),
    P2,
]
check_projectors(
    off_diagonal_projectors,
    symmetrised - InvariantTensor.delta(0, 0, 0, 0),
    [n / n, n - 1, dimension_2],
    symmetric_zero_diagonal(),
)

# %% [markdown]
# ## Three models, each inside the next
#
# A symmetric matrix is a square one with $h^1 = h^2$ and no $V_3$. The symmetric model has the vector
# $s = (h^1 + h^2)/\sqrt 2$ instead, so $h^1 = h^2 = s/\sqrt 2$, and with its parameters (primed)
#
# $$G^H_{11} = G^H_{12} = G^H_{22} = \tfrac12 G'^H_{11}, \qquad G^H_{13} = G^H_{23} = \tfrac{1}{\sqrt 2} G'^H_{12},
#   \qquad G^H_{33} = G'^H_{22}, \qquad G_3 = 0.$$
#
# The expectation value of an undirected graph is that of the directed one, however its arcs are oriented.

# %%
mu_1, mu_2, G0_11, G0_12, G0_22, GH_11, GH_12, GH_13, GH_22, GH_23, GH_33, G2, G3 = PARAMETERS
S = [parameter.symbol for parameter in symmetric().parameters]
inside_square = dict(zip([mu_1, mu_2, G0_11, G0_12, G0_22], S[:5], strict=True)) | {G2: S[8], G3: 0}
inside_square |= {GH_11: S[5] / 2, GH_12: S[5] / 2, GH_22: S[5] / 2, GH_33: S[7]}
inside_square |= {GH_13: S[6] / sqrt(2), GH_23: S[6] / sqrt(2)}
checks = [(graph, size) for degree in (1, 2) for graph in multigraphs(degree, SYMMETRIC) for size in (4, 5, 6, 9)]
checks += [(graph, 6) for graph in multigraphs(3, SYMMETRIC)]
for graph, size in checks:
    oriented = expectation(Multigraph(graph.arcs), size=size).subs(inside_square, simultaneous=True)
    assert sympy.expand(oriented - expectation(graph, size=size)) == 0

# %% [markdown]
# Without a diagonal, $M_{ii} = 0$ ties the components together. In the symmetric model the diagonal is
# $(X_1 + \sqrt{N-1} X_2)/N + \sqrt{2/N}\, s + \sqrt{(N-2)/N}\, h^3$, so with one number $y$ and one vector $v$ left,
#
# $$X_1 = \sqrt{\tfrac{N-1}{N}}\, y, \quad X_2 = -\tfrac{1}{\sqrt N}\, y, \qquad
#   s = \sqrt{\tfrac{N-2}{N}}\, v, \quad h^3 = -\sqrt{\tfrac2N}\, v,$$
#
# normalised so that $X_1^2 + X_2^2 = y^2$ and $|s|^2 + |h^3|^2 = |v|^2$. This determines the nine parameters by four;
# graphs with a loop must have the expectation value zero.

# %%
Z = [parameter.symbol for parameter in symmetric_zero_diagonal().parameters]
for size in (4, 5, 7):
    y = sqrt(Rational(size - 1, size)), -1 / sqrt(size)
    v = sqrt(Rational(size - 2, size)), -sqrt(Rational(2, size))
    assert y[0] ** 2 + y[1] ** 2 == v[0] ** 2 + v[1] ** 2 == 1
    assert y[0] + sqrt(size - 1) * y[1] == 0 == sympy.expand(sqrt(2) * v[0] + sqrt(size - 2) * v[1])
    values = [y[0] * Z[0], y[1] * Z[0], *(a * b * Z[1] for a, b in combinations_with_replacement(y, 2))]
    values += [*(a * b * Z[2] for a, b in combinations_with_replacement(v, 2)), Z[3]]
    restricted = dict(zip(S, values, strict=True))
    for graph in (g for degree in ((1, 2, 3) if size == 5 else (1, 2)) for g in multigraphs(degree, SYMMETRIC)):
        value = sympy.expand(expectation(graph, size=size).subs(restricted, simultaneous=True))
        if any(tail == head for tail, head in graph.arcs):
            assert value == 0
        else:
            assert sympy.expand(value - expectation(graph, size=size, family=SYMMETRIC_ZERO_DIAGONAL)) == 0

# %% [markdown]
# ## Two matrices
#
# For $A$ and $B$ the components of $B$ come after those of $A$: $X_3, X_4$ on $V_0$ and $h^4, h^5, h^6$ on $V_H$. The
# 15 invariants with one factor of each fix the 15 covariances between $A$ and $B$: 4 on $V_0$, 9 on $V_H$, 1 each on
# $V_2$ and $V_3$. Two of them by hand: $\sum A_{ij} B_{ij}$ is the scalar product of the components, and
# $\mathrm{tr}\, A B$ that with the transpose, which exchanges $h^4$ and $h^5$ and reverses $V_3$.

# %%
N = SIZE
two = {str(parameter.symbol): parameter.symbol for parameter in several_square(2).parameters}
between = [p for p in several_square(2).parameters if p.y is not None and set(p.colours) == {0, 1}]
assert len(between) == 4 + 9 + 1 + 1 == 15
on_0 = two["G0_13"] + two["G0_24"] + two["mu_1"] * two["mu_3"] + two["mu_2"] * two["mu_4"]
on_2, on_3 = N * (N - 3) / 2 * two["G2_12"], (N - 1) * (N - 2) / 2 * two["G3_12"]
dot = on_0 + (N - 1) * (two["GH_14"] + two["GH_25"] + two["GH_36"]) + on_2 + on_3
trace = on_0 + (N - 1) * (two["GH_15"] + two["GH_24"] + two["GH_36"]) + on_2 - on_3
dot_graph, trace_graph = Multigraph([(0, 1), (0, 1)], [0, 1]), Multigraph([(0, 1), (1, 0)], [0, 1])
for graph, value in ((dot_graph, dot), (trace_graph, trace)):
    print(f"<{graph.formula}> = {expectation(graph)}")
    assert sympy.expand(value - expectation(graph)) == 0

# %% [markdown]
# If $B = A$, every parameter that names a component of $B$ is the one of $A$, and coloured graphs lose their colours.

# %%
one_matrix = {}
for parameter in several_square(2).parameters:
    copies = (2, 3, 1, 1)[parameter.irrep]
    places = sorted(copy % copies for copy in (parameter.x, parameter.y) if copy is not None)
    name = str(parameter.symbol).split("_")[0]
    suffix = "" if copies == 1 else "_" + "".join(str(place + 1) for place in places)
    (one_matrix[parameter.symbol],) = [p for p in PARAMETERS if str(p) == name + suffix]
for graph in (g for g in multigraphs(2, TWO_SQUARE) if set(g.colours) == {0, 1}):
    same = expectation(graph).subs(one_matrix, simultaneous=True) - expectation(Multigraph(graph.arcs))
    assert all(sympy.expand(same.subs(N, size)) == 0 for size in (4, 5, 6, 9))
for graph in [g for g in multigraphs(3, TWO_SQUARE) if g.colours.count(0) == 2][::4]:
    uncoloured = expectation(Multigraph(graph.arcs), size=5)
    assert sympy.expand(expectation(graph, size=5).subs(one_matrix, simultaneous=True) - uncoloured) == 0

# %% [markdown]
# Last, samples of correlated pairs at $N = 4$: all 117 invariants of degree 2 + 1, from 50,000 pairs.

# %%
rng = np.random.default_rng(4)
theta = [*rng.normal(size=4)]
for copies in (4, 6, 2, 2):
    root = rng.normal(size=(copies, copies)) / np.sqrt(copies)
    theta += [*(root @ root.T + np.eye(copies) / 2)[np.triu_indices(copies)]]
model = BlockGaussian(MultiMatrixSpace(2, 4), theta)
graphs = [g for g in multigraphs(3, TWO_SQUARE) if g.colours.count(0) == 2]
values = evaluate(model.sample(50_000, seed=5), graphs)
deviations = (values.mean(axis=0) - model.expectation(graphs)) / (values.std(axis=0) / np.sqrt(len(values)))
print("largest deviation in standard errors:", np.abs(deviations).max().round(2))
assert np.abs(deviations).max() < 4.5
