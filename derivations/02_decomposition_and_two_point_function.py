# %% [markdown]
# # 2. The decomposition of matrices, and the two-point function
#
# How many Gaussian distributions of $N \times N$ matrices are invariant under $S_N$? As many as there are invariant
# means and invariant covariances; and these are read off the decomposition of the matrices into irreducible
# representations. We derive it for every $N \ge 4$ at once, and compare each coefficient with the library's.
#
# ## Counting by characters
#
# $S_N$ acts on $V_N = \mathbb R^N$ with character $\chi(\sigma)$ = number of fixed points of $\sigma$, and on matrices,
# $V_N \otimes V_N$, with $\chi^2$. The average of $\chi^k$ over the group is the number of orbits on $k$-tuples, which
# are the ways to set indices equal: the Bell numbers 1, 2, 5, 15 (for $N \ge k$).

# %%
from itertools import permutations
from math import factorial, sqrt

import numpy as np
from sympy import Rational, Symbol

from pigmm.invariants.graphs.partitions import set_partitions
from pigmm.invariants.representation.matrix_kinds import SIZE, square
from pigmm.invariants.representation.spaces import SquareSpace, irrep_dimensions
from pigmm.invariants.representation.tensors import SIZES, InvariantTensor, contract

fixed_points = [sum(i == image for i, image in enumerate(sigma)) for sigma in permutations(range(5))]
moments = [Rational(sum(f**k for f in fixed_points), factorial(5)) for k in range(5)]
print(moments)
assert moments == [len(list(set_partitions(k))) for k in range(5)] == [1, 1, 2, 5, 15]

# %% [markdown]
# So $V_N$ has squared norm $\langle\chi, \chi\rangle = 2$: it is $V_0 \oplus V_H$, the constant vectors and those
# of zero sum. Matrices have
# squared norm 15, contain the trivial representation $\langle \chi^2, 1\rangle = 2$ times and $V_H$
# $\langle \chi^2, \chi - 1 \rangle = 5 - 2 = 3$ times. What is left has squared norm $15 - 2^2 - 3^2 = 2$: two more
# irreducible representations, each once, $V_2$ and $V_3$.

# %%
multiplicities = [len(irrep.copies) for irrep in square().irreps]
assert multiplicities == [moments[2], moments[3] - moments[2], 1, 1]
assert sum(m**2 for m in multiplicities) == moments[4]
parameters = moments[2] + sum(m * (m + 1) // 2 for m in multiplicities)
print(f"{parameters} parameters: 2 means and {parameters - 2} covariances")
assert parameters == 13 == len(square().parameters)

# %% [markdown]
# ## Tensors as diagrams
#
# An invariant tensor is a combination of set partitions of its legs, each the product of the Kronecker deltas that set
# the legs of a block equal. Contraction joins blocks, and gives a factor $N$ for every block that is summed away, so
# the computations below hold for every $N$. We need two diagrams: $\delta_{ij}$, and 1. The projector on
# $V_H$ is $F_{ij} = \delta_{ij} - 1/N$.

# %%
n = SIZES[0]
delta, ones = InvariantTensor.delta(0, 0), InvariantTensor.ones(0, 0)
one = InvariantTensor.ones(0)
F = delta - ones / n
assert contract("ij,jk->ik", F, F) == F
assert contract("ij,j->i", F, one).terms == {}
assert contract("ii->", F).as_expr([SIZE]) == {(): SIZE - 1}

# %% [markdown]
# ## The copies of $V_0$ and $V_H$
#
# Two invariant matrices, orthogonal: 1 (inside $V_0 \otimes V_0$) and $F$ (inside $V_H \otimes V_H$), of squared length
# $N^2$ and $N - 1$.
#
# Three ways to make a vector $a$ of zero sum out of a matrix: its centred column sums ($V_0 \otimes V_H$), its centred
# row sums ($V_H \otimes V_0$), and the centred diagonal of $F M F$. The third is the only one that takes a computation:
# with $T_{aij} = \sum_m F_{am} F_{mi} F_{mj}$ we find $\sum_{ij} T_{aij} T_{bij} = \frac{N-2}{N} F_{ab}$.

# %%
T = [contract("aj,i->aij", F, one), contract("ai,j->aij", F, one), contract("am,mi,mj->aij", F, F, F)]
norms = [n, n, (n - 2) / n]
for x in range(3):
    for y in range(3):
        gram = contract("aij,bij->ab", T[x], T[y])
        assert gram == (F * norms[x] if x == y else F - F)

trivial, hook, two, three = square().irreps
assert [copy.intertwiner for copy in trivial.copies] == [ones, F]
assert [copy.norm for copy in trivial.copies] == [n**2, n - 1]
assert [contract("ij,ij->", t, t).terms[()] for t in (ones, F)] == [n**2, n - 1]
assert [copy.intertwiner for copy in hook.copies] == T
assert [copy.norm for copy in hook.copies] == norms

# %% [markdown]
# ## $V_2$ and $V_3$
#
# The projector on $V_H \otimes V_H$ is $F_{ik} F_{jl}$. Its antisymmetric part is irreducible: $V_3$. Its symmetric
# part still contains the second copy of $V_0$ and the third of $V_H$; what remains without them is $V_2$. Written out,
#
# $$P_2 = \tfrac12 (F_{ik} F_{jl} + F_{il} F_{jk}) + \frac{F_{ij} F_{kl}}{(N-1)(N-2)}
#   - \frac{N}{N-2} \sum_q F_{iq} F_{jq} F_{kq} F_{lq}.$$

# %%
exchange = contract("ik,jl->ijkl", F, F), contract("il,jk->ijkl", F, F)
P3 = (exchange[0] - exchange[1]) / 2
fourfold = contract("iq,jq,kq,lq->ijkl", F, F, F, F)
P2 = (exchange[0] + exchange[1]) / 2 + contract("ij,kl->ijkl", F, F) / ((n - 1) * (n - 2)) - fourfold * (n / (n - 2))
assert square().projector(2) == P2
assert square().projector(3) == P3

projectors = [
    contract("ij,kl->ijkl", ones, ones) / n**2,
    contract("ij,kl->ijkl", F, F) / (n - 1),
    *(contract("aij,akl->ijkl", t, t) / norm for t, norm in zip(T, norms, strict=True)),
    P2,
    P3,
]
total = projectors[0]
for projector in projectors[1:]:
    total = total + projector
assert total == contract("ik,jl->ijkl", delta, delta)
for x, left in enumerate(projectors):
    for y, right in enumerate(projectors):
        assert contract("ijkl,klpq->ijpq", left, right) == (left if x == y else left - left)
print("seven orthogonal projectors that add up to the identity, for every N")

# %% [markdown]
# Their traces are the dimensions $1, N-1, N(N-3)/2, (N-1)(N-2)/2$:

# %%
for irrep, projector in ((trivial, projectors[1]), (hook, projectors[4]), (two, P2), (three, P3)):
    assert contract("ijij->", projector).terms == {(): irrep.dimension}
    print(irrep.name, irrep.dimension.as_expr(SIZE, Symbol("M")).factor())
for size in (4, 5, 11):
    assert irrep_dimensions(SquareSpace(size)) == (1, size - 1, size * (size - 3) // 2, (size - 1) * (size - 2) // 2)

# %% [markdown]
# ## The Gaussian model
#
# By Schur's lemma an invariant covariance is, on each irrep, a positive definite matrix between its copies:
# $2 \times 2$ on $V_0$, $3 \times 3$ on $V_H$, numbers on $V_2$ and $V_3$; and an invariant mean lies in the
# copies of $V_0$. So
#
# $$\langle M_{ij} \rangle = \frac{\mu_1}{N} + \mu_2 \frac{F_{ij}}{\sqrt{N-1}}, \qquad
#   \langle M_{ij} M_{kl} \rangle_c = \sum_{V} \sum_{xy} G^{V}_{xy} \sum_a e^{x}_{a,ij} e^{y}_{a,kl}$$
#
# with orthonormal $e^x_a = T^x_a / \sqrt{\text{norm}_x}$. The library's parameters are these numbers in this order, and
# the tensor that each multiplies is the one derived here.

# %%
names = [str(parameter.symbol) for parameter in square().parameters]
print(names)
expected = [(ones, n**2), (F, n - 1)]
expected += [
    (projectors[0] * n**2, n**4),
    (contract("ij,kl->ijkl", ones, F) + contract("ij,kl->ijkl", F, ones), n**2 * (n - 1)),
    (projectors[1] * (n - 1), (n - 1) ** 2),
]
for x in range(3):
    for y in range(x, 3):
        tensor = contract("aij,akl->ijkl", T[x], T[y])
        expected.append((tensor if x == y else tensor + contract("klij->ijkl", tensor), norms[x] * norms[y]))
expected += [(P2, n / n), (P3, n / n)]
for parameter, (tensor, norm) in zip(square().parameters, expected, strict=True):
    assert parameter.tensor == tensor
    assert parameter.norm == norm

# %% [markdown]
# With all variances one and no correlations the covariance is the identity $\delta_{ik} \delta_{jl}$: independent
# entries. A check with numbers: samples of the model have the covariance that the formula says.

# %%
from pigmm.fitting import PIGMM  # noqa: E402

theta = np.array([0.5, -1.0, 1.0, 0.4, 2.0, 1.0, 0.2, -0.3, 1.5, 0.1, 0.8, 0.6, 1.4])
model = PIGMM(4, theta)
dense = sum(
    value * tensor.to_dense(4) / sqrt(norm.as_expr(4, 1))
    for value, (tensor, norm) in zip(theta[2:], expected[2:], strict=True)
)
assert np.allclose(dense, model.covariance, atol=1e-13)
samples = model.sample(100_000, seed=1)
centred = samples - samples.mean(axis=0)
measured = np.einsum("nij,nkl->ijkl", centred, centred) / len(samples)
errors = np.sqrt((np.einsum("ijij,klkl->ijkl", dense, dense) + dense**2) / len(samples))
print("largest deviation in standard errors:", np.abs((measured - dense) / errors).max().round(2))
assert np.abs((measured - dense) / errors).max() < 5
