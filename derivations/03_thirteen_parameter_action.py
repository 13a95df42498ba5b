# %% [markdown]
# # 3. The Gaussian action with thirteen parameters
#
# The most general Gaussian distribution of $N \times N$ matrices that is invariant under $S_N$ is given by an action,
#
# $$Z = \int dM\, e^{-S(M)}, \qquad
#   S = \tfrac12 \sum_V \sum_{xy} \Lambda^V_{xy} \sum_a C^{V,x}_a C^{V,y}_a - J_1 X_1 - J_2 X_2,$$
#
# where $C^{V,x}_a$ are the components of $M$ in copy $x$ of the irreducible representation $V$, and $X_1, X_2$ those of
# the trivial one: 11 quadratic couplings $\Lambda$ and 2 linear ones, $J$. What we want of it is the partition
# function, the two-point function, and the conditions under which the integral exists.
#
# ## Components
#
# With $F_{ij} = \delta_{ij} - 1/N$ the components are contractions of $M$ with the tensors below, divided by the roots
# of their norms: two copies of the trivial one $V_0$, three of $V_H$, and the projections on $V_2$ and $V_3$.
# Tensors are combinations of set partitions of their legs, so that what is found holds for every $N$.

# %%
from itertools import chain, combinations_with_replacement, product
from math import log, pi

import numpy as np
import sympy
from scipy.linalg import block_diag, null_space
from sympy import Expr, Matrix, Symbol, sqrt

from pigmm.fitting import PIGMM
from pigmm.invariants import PARAMETERS, SIZE, two_point_coefficients
from pigmm.invariants.graphs.partitions import set_partitions
from pigmm.invariants.representation.tensors import FIELD, SIZES, InvariantTensor, contract

n = SIZES[0]
delta, ones, one = InvariantTensor.delta(0, 0), InvariantTensor.ones(0, 0), InvariantTensor.ones(0)
F = delta - ones / n
trivial, norms_0 = [ones, F], [n**2, n - 1]
hook = [contract("aj,i->aij", F, one), contract("ai,j->aij", F, one), contract("am,mi,mj->aij", F, F, F)]
norms_H = [n, n, (n - 2) / n]
exchange = contract("ik,jl->ijkl", F, F), contract("il,jk->ijkl", F, F)
P3 = (exchange[0] - exchange[1]) / 2
P2 = (exchange[0] + exchange[1]) / 2 - contract("ij,kl->ijkl", F, F) / (n - 1)
P2 = P2 - contract("aij,akl->ijkl", hook[2], hook[2]) * (n / (n - 2))

# %% [markdown]
# They are orthogonal, and orthonormal after division by the roots:
# $\sum_{ij} T^x_{a,ij} T^y_{b,ij} = \delta_{xy}\, \mathrm{norm}_x\, F_{ab}$ on $V_H$, and so on.

# %%
for x, y in product(range(2), repeat=2):
    assert contract("ij,ij->", trivial[x], trivial[y]).terms == ({(): norms_0[x]} if x == y else {})
for x, y in product(range(3), repeat=2):
    assert contract("aij,bij->ab", hook[x], hook[y]) == (F * norms_H[x] if x == y else F - F)
for x, y in product(range(2), range(3)):
    assert contract("ij,aij->a", trivial[x], hook[y]).terms == {}
for P in (P2, P3):
    assert all(contract("ij,ijkl->kl", t, P).terms == {} for t in trivial)
    assert all(contract("aij,ijkl->akl", t, P).terms == {} for t in hook)
    assert contract("ijkl,klpq->ijpq", P, P) == P
assert contract("ijkl,klpq->ijpq", P2, P3).terms == {}

# %% [markdown]
# Together they span all matrices, since the dimensions add up to $N^2$:

# %%
N = SIZE
dimensions = [sympy.Integer(1), N - 1, N * (N - 3) / 2, (N - 1) * (N - 2) / 2]
multiplicities = [2, 3, 1, 1]
assert sympy.expand(sum(m * d for m, d in zip(multiplicities, dimensions, strict=True)) - N**2) == 0
assert sum(m * (m + 1) // 2 for m in multiplicities) == 11
assert len(PARAMETERS) == 13
for P, dimension in ((P2, dimensions[2]), (P3, dimensions[3])):
    assert sympy.expand(contract("ijij->", P).as_expr([N])[()] - dimension) == 0

# %% [markdown]
# ## The partition function, block by block
#
# The components are orthonormal coordinates, so the measure $dM$ is the product of theirs and the integral falls apart
# into one for each irreducible representation. On $V$ there are $d_V$ independent copies of a Gaussian integral over as
# many variables as $V$ has copies; on $V_0$ the square is completed. With $\mu = \Lambda_0^{-1} J$,
#
# $$\ln Z = \tfrac{N^2}{2} \ln 2\pi - \tfrac12 \sum_V d_V \ln\det \Lambda_V + \tfrac12 J^T \Lambda_0^{-1} J.$$
#
# It generates the expectation values: $\partial \ln Z / \partial J_x = \langle X_x \rangle = \mu_x$, and
# $-\partial \ln Z / \partial \Lambda_{xy}$ is half (for $x = y$) or all of $\langle \sum_a C^x_a C^y_a \rangle$. So
# with $G = \Lambda^{-1}$ these are $d_V G_{xy}$, and $G^0_{xy} + \mu_x \mu_y$ on $V_0$.

# %%
J = Matrix(sympy.symbols("J_1 J_2"))


def couplings(copies: int) -> Matrix:
    """A symmetric matrix of couplings."""
    return Matrix(copies, copies, lambda x, y: Symbol(f"L_{min(x, y) + 1}{max(x, y) + 1}"))


for copies in (1, 2, 3):
    L, d = couplings(copies), Symbol("d")
    log_Z, G = -d / 2 * sympy.log(L.det()), L.inv()
    for x, y in combinations_with_replacement(range(copies), 2):
        moment = -sympy.diff(log_Z, L[x, y]) * (2 if x == y else 1)
        assert sympy.simplify(moment - d * G[x, y]) == 0
L = couplings(2)
G, mu = L.inv(), L.inv() * J
log_Z = -sympy.log(L.det()) / 2 + (J.T * L.inv() * J)[0] / 2
for x, y in combinations_with_replacement(range(2), 2):
    assert sympy.simplify(sympy.diff(log_Z, J[x]) - mu[x]) == 0
    moment = -sympy.diff(log_Z, L[x, y]) * (2 if x == y else 1)
    assert sympy.simplify(moment - G[x, y] - mu[x] * mu[y]) == 0

# %% [markdown]
# ## The two-point function
#
# Hence $\langle C^x_a C^y_b \rangle_c = G_{xy} F_{ab}$ on $V_H$, and likewise elsewhere. In the entries of the matrix,
# with $F_{ijk} = \sum_q F_{iq} F_{jq} F_{kq}$ and $F_{ijkl} = \sum_q F_{iq} F_{jq} F_{kq} F_{lq}$, this is
#
# $$\begin{aligned}
# \langle M_{ij} M_{kl} \rangle_c ={}& \frac{G^0_{11}}{N^2} + \frac{G^0_{12}}{N \sqrt{N-1}} (F_{ij} + F_{kl})
#   + \frac{G^H_{11}}{N} F_{jl} + \frac{G^H_{12}}{N} (F_{jk} + F_{il}) + \frac{G^H_{22}}{N} F_{ik} \\
# & + p\, (F_{jkl} + F_{ijl}) + q\, (F_{ikl} + F_{ijk})
#   + \alpha F_{ik} F_{jl} + \beta F_{il} F_{jk} + \gamma F_{ij} F_{kl} + \kappa F_{ijkl}
# \end{aligned}$$
#
# $$p = \frac{G^H_{13}}{\sqrt{N-2}}, \quad q = \frac{G^H_{23}}{\sqrt{N-2}}, \quad
#   \alpha = \frac{G_2 + G_3}{2}, \quad \beta = \frac{G_2 - G_3}{2},$$
#
# $$\gamma = \frac{G^0_{22}}{N-1} - \frac{G^H_{33}}{N-2} + \frac{G_2}{(N-1)(N-2)}, \qquad
#   \kappa = \frac{N (G^H_{33} - G_2)}{N-2}.$$
#
# Multiplying out, each of the 15 set partitions of $\{i, j, k, l\}$ has a coefficient. Exchanging $ij$ with $kl$ leaves
# the two-point function as it is, so 11 of them can differ; $C_{ik,jl}$, for one, is that of
# $\delta_{ik} \delta_{jl}$, and $C$ that of 1:
#
# $$\begin{aligned}
# C_{ijkl} &= \kappa, \quad C_{ij,kl} = \gamma, \quad C_{ik,jl} = \alpha, \quad C_{il,jk} = \beta, \\
# C_{ijk} = C_{ikl} &= q - \kappa/N, \qquad C_{ijl} = C_{jkl} = p - \kappa/N, \\
# C_{ij} = C_{kl} &= \frac{G^0_{12}}{N \sqrt{N-1}} - \frac{\gamma + p + q}{N} + \frac{\kappa}{N^2}, \qquad
# C_{jk} = C_{il} = \frac{G^H_{12} - \beta - p - q}{N} + \frac{\kappa}{N^2}, \\
# C_{ik} &= \frac{G^H_{22} - \alpha - 2 q}{N} + \frac{\kappa}{N^2}, \qquad
# C_{jl} = \frac{G^H_{11} - \alpha - 2 p}{N} + \frac{\kappa}{N^2}, \\
# C &= \frac{1}{N^2} \Big[ G^0_{11} - \frac{2 G^0_{12}}{\sqrt{N-1}} - G^H_{11} - 2 G^H_{12} - G^H_{22}
#   + 4 (p + q) + \alpha + \beta + \gamma - \frac{3 \kappa}{N} \Big].
# \end{aligned}$$

# %%
mu_1, mu_2, G0_11, G0_12, G0_22, GH_11, GH_12, GH_13, GH_22, GH_23, GH_33, G2, G3 = PARAMETERS
p, q = GH_13 / sqrt(N - 2), GH_23 / sqrt(N - 2)
alpha, beta = (G2 + G3) / 2, (G2 - G3) / 2
gamma = G0_22 / (N - 1) - GH_33 / (N - 2) + G2 / ((N - 1) * (N - 2))
kappa = N * (GH_33 - G2) / (N - 2)
bracket = G0_11 - 2 * G0_12 / sqrt(N - 1) - GH_11 - 2 * GH_12 - GH_22 + 4 * (p + q) + alpha + beta + gamma
coefficients = {
    "ijkl": kappa,
    "ij kl": gamma,
    "ik jl": alpha,
    "il jk": beta,
    "ijk": q - kappa / N,
    "ijl": p - kappa / N,
    "ij": G0_12 / (N * sqrt(N - 1)) - (gamma + p + q) / N + kappa / N**2,
    "jk": (GH_12 - beta - p - q) / N + kappa / N**2,
    "ik": (GH_22 - alpha - 2 * q) / N + kappa / N**2,
    "jl": (GH_11 - alpha - 2 * p) / N + kappa / N**2,
    "": (bracket - 3 * kappa / N) / N**2,
}

# %% [markdown]
# Proof, parameter by parameter: the coefficient of $G^V_{xy}$ must be the tensor $\sum_a T^x_{a,ij} T^y_{a,kl}$
# (symmetrised in $x, y$) divided by the root of the norms. That root is all that is not rational in $N$, so it is
# multiplied away on both sides.

# %%
parameter_tensors = {
    G0_11: (contract("ij,kl->ijkl", ones, ones), n**2),
    G0_12: (contract("ij,kl->ijkl", ones, F) + contract("ij,kl->ijkl", F, ones), n),
    G0_22: (contract("ij,kl->ijkl", F, F), n - 1),
    G2: (P2, n / n),
    G3: (P3, n / n),
}
# rational part of the root of norm_x norm_y; the part left out is sqrt(N-1) or sqrt(N-2)
rational = {(0, 0): n, (0, 1): n, (0, 2): n / n, (1, 1): n, (1, 2): n / n, (2, 2): (n - 2) / n}
irrational = {G0_12: sqrt(N - 1), GH_13: sqrt(N - 2), GH_23: sqrt(N - 2)}
for (x, y), parameter in zip(rational, (GH_11, GH_12, GH_13, GH_22, GH_23, GH_33), strict=True):
    tensor = contract("aij,akl->ijkl", hook[x], hook[y])
    tensor = tensor if x == y else tensor + contract("aij,akl->ijkl", hook[y], hook[x])
    parameter_tensors[parameter] = tensor, rational[x, y]


def blocks(partition: tuple[int, ...]) -> str:
    """The blocks of more than one leg, such as 'ik jl'."""
    found = ["".join("ijkl"[leg] for leg in range(4) if partition[leg] == b) for b in sorted(set(partition))]
    return " ".join(block for block in found if len(block) > 1)


same = {"ikl": "ijk", "jkl": "ijl", "kl": "ij", "il": "jk"}
partitions = {partition: same.get(blocks(partition), blocks(partition)) for partition in set_partitions(4)}
assert len(partitions) == 15
assert set(partitions.values()) == set(coefficients)
assert len(coefficients) == 11


def to_field(expression: Expr) -> FIELD.dtype:
    """A rational expression in N as a coefficient of tensors."""
    return FIELD.from_expr(expression.together().subs(N, Symbol("n0")))


for parameter, (tensor, norm) in parameter_tensors.items():
    written_out = {partition: sympy.diff(coefficients[name], parameter) for partition, name in partitions.items()}
    terms = {partition: to_field(value * irrational.get(parameter, 1)) for partition, value in written_out.items()}
    assert InvariantTensor((0,) * 4, {partition: value for partition, value in terms.items() if value}) == tensor / norm

# %% [markdown]
# The library's coefficients are the same, as are the two of the mean,
# $\langle M_{ij} \rangle = \mu_1 / N + \mu_2 F_{ij} / \sqrt{N-1}$.

# %%
coefficients_of_mean = {"ij": mu_2 / sqrt(N - 1), "": mu_1 / N - mu_2 / (N * sqrt(N - 1))}
of_library = two_point_coefficients()
assert len(of_library) == 13
written_out = {Symbol("_".join(["C", *name.split()]), real=True): value for name, value in coefficients.items()}
written_out |= {Symbol("_".join(["m", *name.split()]), real=True): v for name, v in coefficients_of_mean.items()}
assert set(of_library) == set(written_out)
for symbol, value in written_out.items():
    print(symbol, "=", of_library[symbol])
    assert sympy.simplify(sympy.expand(value - of_library[symbol])) == 0

# %% [markdown]
# With all variances 1 and no covariances, the two-point function is that of independent entries,
# $\delta_{ik} \delta_{jl}$:

# %%
white = {parameter: int(parameter in (G0_11, G0_22, GH_11, GH_22, GH_33, G2, G3)) for parameter in PARAMETERS}
for name, value in coefficients.items():
    assert sympy.simplify(value.subs(white)) == (1 if name == "ik jl" else 0)

# %% [markdown]
# ## Positivity, and the spectrum
#
# The matrix of the action in the orthonormal coordinates is block diagonal, $\Lambda_V$ occurring $d_V$ times. So the
# integral exists exactly if every $\Lambda_V$ is positive definite, equivalently every $G_V$; and the covariance has
# the eigenvalues of $G_V$, each $d_V$ times. We check all of this at $N = 4$ with dense matrices, from an
# orthonormal basis that is built here from the formulas.

# %%
size = 4
f = np.eye(size) - 1 / size
zero_sum = null_space(np.ones((1, size))).T  # an orthonormal basis of V_H
vectors_0 = [np.full((size, size), 1 / size), f / np.sqrt(size - 1)]
vectors_H = [
    [np.outer(np.ones(size), v) / np.sqrt(size) for v in zero_sum],
    [np.outer(v, np.ones(size)) / np.sqrt(size) for v in zero_sum],
    [np.sqrt(size / (size - 2)) * f @ np.diag(v) @ f for v in zero_sum],
]
inside = np.array([*vectors_0, *chain(*vectors_H)]).reshape(-1, size**2)
outside = null_space(inside).T.reshape(-1, size, size)
# what is left is V_2 (symmetric) and V_3 (antisymmetric)
vectors_2 = np.linalg.svd((outside + outside.swapaxes(1, 2)).reshape(-1, size**2) / 2)[2][:2]
vectors_3 = np.linalg.svd((outside - outside.swapaxes(1, 2)).reshape(-1, size**2) / 2)[2][:3]
basis = np.concatenate([inside, vectors_2, vectors_3])
assert np.allclose(basis @ basis.T, np.eye(16))

rng = np.random.default_rng(0)
roots = [rng.normal(size=(m, m)) for m in multiplicities]
couplings_of = [r @ r.T + np.eye(len(r)) / 2 for r in roots]
sources = np.array([0.7, -0.4])
numbers = [1, 3, 2, 3]  # the dimensions at N = 4
assert numbers == [int(d.subs(N, size)) for d in dimensions]
action = block_diag(
    couplings_of[0], np.kron(couplings_of[1], np.eye(3)), couplings_of[2] * np.eye(2), couplings_of[3] * np.eye(3)
)
action = basis.T @ action @ basis
source = sources @ basis[:2]

# %% [markdown]
# The determinant, the mean, and the covariance of the dense action against the formulas:

# %%
G_of = [np.linalg.inv(c) for c in couplings_of]
mean = G_of[0] @ sources
theta = np.concatenate([mean, *(G[np.triu_indices(len(G))] for G in G_of)])
at = dict(zip(PARAMETERS, theta, strict=True)) | {N: size}
assert np.isclose(
    np.linalg.slogdet(action)[1], sum(d * np.linalg.slogdet(c)[1] for d, c in zip(numbers, couplings_of, strict=True))
)
covariance = np.linalg.inv(action).reshape((size,) * 4)
numerical = {name: float(value.subs(at)) for name, value in coefficients.items()}
formula = sum(
    numerical[name] * InvariantTensor((0,) * 4, {partition: FIELD.one}).to_dense(size)
    for partition, name in partitions.items()
)
assert np.allclose(formula, covariance, atol=1e-12)
dense_mean = np.linalg.solve(action, source).reshape(size, size)
assert np.allclose(dense_mean, mean[0] / size + mean[1] * f / np.sqrt(size - 1))

# %% [markdown]
# The library's model with these parameters has this mean, this covariance, this density and this entropy, which is
# $\ln Z + \langle S \rangle$; $\langle S \rangle$ is half the number of entries less $\frac12 J^T \Lambda_0^{-1} J$.

# %%
model = PIGMM(size, theta)
assert np.allclose(model.mean, dense_mean, atol=1e-13)
assert np.allclose(model.covariance, covariance, atol=1e-13)
free_energy = sources @ mean / 2
dense_log_Z = size**2 / 2 * log(2 * pi) + free_energy
dense_log_Z -= sum(d * np.linalg.slogdet(c)[1] for d, c in zip(numbers, couplings_of, strict=True)) / 2
for matrix in rng.normal(size=(5, size, size)):
    value = matrix.ravel() @ action @ matrix.ravel() / 2 - source @ matrix.ravel()
    assert np.isclose(model.log_prob(matrix[None])[0], -value - dense_log_Z)
assert np.isclose(model.entropy(), dense_log_Z + size**2 / 2 - free_energy)

# %% [markdown]
# The spectrum with its multiplicities 1, 3, 2, 3:

# %%
expected = np.sort(np.concatenate([np.repeat(np.linalg.eigvalsh(G), d) for G, d in zip(G_of, numbers, strict=True)]))
found = np.linalg.eigvalsh(covariance.reshape(16, 16))
print(found.round(4))
assert len(found) == 16
assert np.allclose(found, expected)

# %% [markdown]
# And if one block is not positive, neither is the whole: a negative eigenvalue of $G_V$ comes $d_V$ times, and the
# library refuses the parameters.

# %%
place = {0: 3, 1: 6, 2: 11, 3: 12}  # one number of each block: two off the diagonal, two single ones
for block, k in place.items():
    wrong = theta.copy()
    wrong[k] = -4 if k > 10 else 4 * np.sqrt(np.prod(np.diag(G_of[block])[:2]))
    at = dict(zip(PARAMETERS, wrong, strict=True)) | {N: size}
    dense = sum(
        float(coefficients[name].subs(at)) * InvariantTensor((0,) * 4, {partition: FIELD.one}).to_dense(size)
        for partition, name in partitions.items()
    )
    assert (np.linalg.eigvalsh(dense.reshape(16, 16)) < 0).sum() == numbers[block]
    try:
        PIGMM(size, wrong)
    except ValueError as error:
        print(str(error)[:60], "...")
    else:
        raise AssertionError("the library took a covariance that is not positive")
