# %% [markdown]
# # 13. Interactions: what lies beyond the Gaussian model
#
# A law that is not Gaussian is, to begin with, a Gaussian one with interactions,
# $$p(M) \propto p_0(M)\, \exp \sum_g \theta_g O_g(M),$$
# $O_g$ invariants of degree 3 and 4, and $\theta_g$ their couplings. Two questions: what do couplings do to the
# invariants that the fitted Gaussian model does not predict; and how are they found from matrices, when the
# normalisation of $p$ is not known? The answers are checked where everything is known: independent quartic entries, and
# the matrix model with a quartic potential, in the limit of large matrices.
#
# ## First order, the refit included
#
# To first order $\langle O_G \rangle$ moves by $\sum_g \mathrm{Cov}_0(O_G, O_g)\, \theta_g$. But the Gaussian model is
# fitted to the law with interactions, so it moves too. Its sufficient statistics $T_s$ have the averages of that law;
# and where the averages $\tau$ of an exponential family are varied, $\partial \langle O \rangle / \partial \tau =
# \mathrm{Cov}(O, T)\, \mathrm{Cov}(T, T)^{-1}$. What is left of $\langle O_G \rangle$ is
# $$r_G = \sum_g C_{Gg}\, \theta_g, \qquad C_{Gg} = \mathrm{Cov}_0(O_G, O_g) - \mathrm{Cov}_0(O_G, T)\,
# \mathrm{Cov}_0(T, T)^{-1}\, \mathrm{Cov}_0(T, O_g),$$
# the covariance of $\psi_G$ and $\psi_g$: the invariants less their regressions on the statistics.
#
# We compare it with the truth for entries that are independent, of density $e^{-x^2/2 + \theta x^4}$, $\theta \le 0$.
# There the interaction is $\theta \sum_{ij} M_{ij}^4$, and the moments $m_k$ of an entry move as $m_k' = m_{k+4} - m_k
# m_4$ at $\theta = 0$. The average of any invariant follows from its sums over distinct indices, whose factors are
# independent: $N(N-1) \ldots (N-n+1) \prod m_{k}$ over the arcs of the graph, $k$ times each.

# %%
from collections import Counter

import numpy as np
import sympy
from scipy.integrate import quad
from scipy.optimize import brentq

import pigmm.invariants as invariants
from pigmm.fitting import PIGMM

theta, t, m2, m4, m6 = sympy.symbols("theta t m_2 m_4 m_6")
N = invariants.SIZE


def gaussian_moment(k):
    return sympy.Integer(0) if k % 2 else sympy.factorial2(k - 1)


def perturbed_moment(k):
    """To first order in theta."""
    return gaussian_moment(k) + theta * (gaussian_moment(k + 4) - gaussian_moment(k) * gaussian_moment(4))


def average(graph, moment, size):
    """Of an invariant, where all entries are independent and alike."""
    total = sympy.Integer(0)
    for merged, count in invariants.graph_to_orbit_basis(graph).items():
        powers = Counter(merged.arcs).values()
        total += count * sympy.ff(size, merged.number_of_nodes) * sympy.prod(moment(k) for k in powers)
    return sympy.expand(total)


# %% [markdown]
# The truth: the averages of the thirteen statistics at $N = 5$ to first order, through the inverse map of derivation 4
# to the parameters of the fit, through the expectation values to its predictions.

# %%
size = 5
statistics = invariants.statistics_graphs()
at_zero = {invariants.statistic_symbol(graph): average(graph, gaussian_moment, size) for graph in statistics}
slopes = [average(graph, perturbed_moment, size).coeff(theta) for graph in statistics]
estimates = [estimate.subs(N, size) for estimate in invariants.inverse_map()]
fitted = [estimate.subs(at_zero) for estimate in estimates]
assert [sympy.simplify(value) for value in fitted] == [0, 0, 1, 0, 1, 1, 0, 0, 1, 0, 1, 1, 1]
white = dict(zip(invariants.PARAMETERS, map(sympy.simplify, fitted), strict=True))
moved = [
    sum(sympy.diff(estimate, symbol).subs(at_zero) * slope for symbol, slope in zip(at_zero, slopes, strict=True))
    for estimate in estimates
]


def true_residual(graph):
    """The slope of the average of an invariant, less that of its prediction by the fit."""
    predicted = invariants.expectation(graph, size)
    refit = sum(
        sympy.diff(predicted, symbol).xreplace(white) * slope
        for symbol, slope in zip(invariants.PARAMETERS, moved, strict=True)
    )
    return sympy.simplify(average(graph, perturbed_moment, size).coeff(theta) - refit)


# %% [markdown]
# The formula, from the exact covariances of derivation 7. To first order even an invariant that is not coupled gets a
# residual, if its $\psi$ is correlated with that of the one that is.

# %%
interaction = invariants.as_graph("sum M_ij^4")


def covariance(first, second):
    return invariants.covariance(first, second, size).xreplace(white)


among = sympy.Matrix(13, 13, lambda a, b: covariance(statistics[a], statistics[b]) if a <= b else 0)
among = among + among.T - sympy.diag(*among.diagonal())
regressed = among.LUsolve(sympy.Matrix([covariance(graph, interaction) for graph in statistics]))
observed = ("sum M_ij^4", "tr (M M^T)^2", "00 01 01 11", "00 01 11")
residuals = {}
for label in observed:
    graph = invariants.as_graph(label)
    row = sympy.Matrix([[covariance(graph, statistic) for statistic in statistics]])
    residuals[label] = sympy.simplify(covariance(graph, interaction) - (row * regressed)[0])
    assert residuals[label] == true_residual(graph), label
print("r / theta at N = 5:", residuals)
assert residuals["sum M_ij^4"] == 24 * size**2  # 4! for each entry: the square of a Hermite polynomial

# %% [markdown]
# ## Score matching
#
# Of $\nabla \ln p = \sum_g \theta_g \nabla O_g$, the thirteen statistics now among the $O_g$, the normalisation has
# gone. Integrating by parts, $\langle \Delta O_h + \nabla O_h \cdot \nabla \ln p \rangle_p = 0$ for every $O_h$:
# the integrand is $\nabla \cdot (p \nabla O_h)$ over $p$. So the couplings solve
# $$K \theta = -b, \qquad K_{gh} = \langle \nabla O_g \cdot \nabla O_h \rangle, \quad b_g = \langle \Delta O_g
# \rangle,$$
# which is also where Hyvärinen's objective $\frac12 \theta^T K \theta + b^T \theta$ is least. $K$ and $b$ are
# averages of invariants again: the derivative $\partial O_g / \partial M_{ij}$ is the sum over arcs of the graph
# without that arc, its ends held at $i$ and $j$; so for $K$ one arc is removed from each graph, tail is joined with
# tail and head with head, and for $b$ two arcs of one graph. A node that no arc is left at is a factor of $N$.

# %%
T, Q = "tr M M^T", "tr (M M^T)^2"
squares, fourth = invariants.as_graph(T), invariants.as_graph(Q)
sixth = invariants.as_graph("01 21 23 43 45 05")  # tr (M M^T)^3
assert invariants.laplacian(T) == {None: 2 * N**2}
assert invariants.laplacian(Q) == {squares: 8 * N + 4}
assert invariants.gradient_product(T, T) == {squares: 4}
assert invariants.gradient_product(T, Q) == {fourth: 8}
assert invariants.gradient_product(Q, Q) == {sixth: 16}

# %% [markdown]
# As numbers: products of the gradients that a reverse sweep makes, at random matrices.

# %%
matrices = np.random.default_rng(0).integers(-3, 4, size=(5, 6, 6)).astype(float)
graphs = [*statistics, *(invariants.as_graph(label) for label in ("01 12 20", "00 01 01 11", "01 01 12 12"))]
gradients = invariants.evaluate_gradient(matrices, graphs)
for a, first in enumerate(graphs):
    for b, second in enumerate(graphs[: a + 1]):
        expected = (gradients[:, a] * gradients[:, b]).sum(axis=(1, 2))
        product = invariants.gradient_product(first, second, 6)
        found = float(product.pop(None, 0)) + np.zeros(5)
        if product:
            found += invariants.evaluate(matrices, list(product)) @ np.array(list(product.values()), dtype=float)
        assert (found == expected).all()

# %% [markdown]
# Of a Gaussian law, the equations give its own action: with the thirteen statistics and their exact averages, $\nabla
# \ln p = -\Sigma^{-1} (M - \mu)$.

# %%
parameters = [0.7, -0.4, 2.0, 0.3, 1.5, 1.2, 0.2, -0.1, 1.6, 0.3, 1.1, 0.8, 1.4]
model = PIGMM(5, parameters)
values = dict(zip(invariants.PARAMETERS, parameters, strict=True))


def mean(combination):
    """Of a combination of invariants under the model."""
    return sum(
        float(c) * (1.0 if graph is None else float(invariants.expectation(graph, 5).subs(values)))
        for graph, c in combination.items()
    )


K = np.array([[mean(invariants.gradient_product(g, h, 5)) for h in statistics] for g in statistics])
b = np.array([mean(invariants.laplacian(g, 5)) for g in statistics])
couplings = np.linalg.solve(K, -b)
matrix = np.random.default_rng(1).normal(size=(5, 5))
score = invariants.evaluate_gradient(matrix, statistics, weights=couplings)
precision = np.linalg.inv(model.covariance.reshape(25, 25))
assert np.allclose(score.ravel(), -precision @ (matrix - model.mean).ravel(), atol=1e-9)

# %% [markdown]
# ## Independent quartic entries
#
# With density $e^{-x^2/2 - t x^4}$, of any $t$, the moments of an entry obey $\langle (x^{k+1})' - x^{k+1} (x + 4 t
# x^3) \rangle = 0$, so $m_4 = (1 - m_2)/4t$ and $m_6 = (3 m_2 - m_4)/4t$. With $\sum M_{ij}^2$ and $\sum M_{ij}^4$
# score matching then finds $-\frac12$ and $-t$, whatever $m_2$ is. So it is not an expansion.

# %%
moments = {0: sympy.Integer(1), 2: m2, 4: (1 - m2) / (4 * t)}
moments[6] = (3 * moments[2] - moments[4]) / (4 * t)
pair = ("01 01", "01 01 01 01")


def mean_of_entries(combination):
    """Of a combination of invariants, for independent entries."""
    return sum(
        c * (1 if graph is None else average(graph, lambda k: moments.get(k, sympy.Integer(0)), N))
        for graph, c in combination.items()
    )


K = sympy.Matrix([[mean_of_entries(invariants.gradient_product(g, h)) for h in pair] for g in pair])
b = sympy.Matrix([mean_of_entries(invariants.laplacian(g)) for g in pair])
assert (K * sympy.Matrix([-sympy.Rational(1, 2), -t]) + b).applyfunc(sympy.simplify) == sympy.zeros(2, 1)
assert sympy.simplify(K.det()) != 0


def integral(k, strength=0.15):
    """Of x^k times the weight."""
    return quad(lambda x: x**k * np.exp(-(x**2) / 2 - strength * x**4), -np.inf, np.inf)[0]


numbers = {t: 0.15, m2: integral(2) / integral(0)}
for k in (4, 6):
    assert abs(float(moments[k].subs(numbers)) - integral(k) / integral(0)) < 1e-9

# %% [markdown]
# ## A quartic matrix model, at large $N$
#
# The potential $V = N\, \mathrm{tr}\, \big[ \frac12 M M^T + g\, (M M^T)^2 \big]$ couples all entries, but depends
# only on the singular values $s_i$ of the real $N \times N$ matrix $M$. Their density is $\prod_{i<j} |s_i^2 - s_j^2|\,
# \prod_i e^{-N (s_i^2/2 + g s_i^4)}$: at large $N$ they stand where it is largest,
# $$N (s_i + 4 g s_i^3) = \sum_{j \ne i} \Big[ \frac{1}{s_i - s_j} + \frac{1}{s_i + s_j} \Big] + \ldots$$
# With their mirror images they are $2N$ points of density $\rho$, and $s + 4 g s^3 = 2\, \mathrm{P}\!\!\int \rho(s')\,
# ds'/(s - s')$. This is the equation that Brézin, Itzykson, Parisi and Zuber solve for the eigenvalues of Hermitian
# matrices (Commun. Math. Phys. 59 (1978) 35). The resolvent $\omega(z) = \int \rho(s)\, ds/(z - s)$ of a density on one
# interval $(-2a, 2a)$ is $\omega = \frac12 (z + 4 g z^3) - P(z) \sqrt{z^2 - 4 a^2}$ with a polynomial $P$, and it
# decays as $1/z$: that leaves $P = \frac12 + 4 g a^2 + 2 g z^2$ and $12 g a^4 + a^2 = 1$. The moments are the
# coefficients of $\omega = \sum_k \mu_k z^{-k-1}$.

# %%
g, a, z, x = sympy.symbols("g a z x", positive=True)
root = z * sum(sympy.binomial(sympy.Rational(1, 2), k) * (-4 * a**2 / z**2) ** k for k in range(7))  # at large z
resolvent = (z + 4 * g * z**3) / 2 - (sympy.Rational(1, 2) + 4 * g * a**2 + 2 * g * z**2) * root
resolvent = sympy.expand(resolvent.subs(g, (1 - a**2) / (12 * a**4)))
assert [sympy.simplify(resolvent.coeff(z, power)) for power in (3, 1, -1)] == [0, 0, 1]
planar = {k: sympy.factor(resolvent.coeff(z, -k - 1)) for k in (2, 4, 6)}
assert sympy.expand(planar[2] - a**2 * (4 - a**2) / 3) == 0
assert sympy.expand(planar[4] - a**4 * (3 - a**2)) == 0

# %% [markdown]
# $\mu_{2k}$ is the limit of $\frac1N \langle \mathrm{tr}\, (M M^T)^k \rangle$. The equations of score matching hold for
# it at every $N$; divided by $N^2$ they become the loop equations $1 = \mu_2 + 4 g \mu_4$ and $2 \mu_2 = \mu_4 + 4 g
# \mu_6$, which the solution obeys.

# %%
traces = {squares: 2, fourth: 4, sixth: 6}


def at_large_size(combination, power):
    """The mean of a combination as N grows, which is of order N^power: traces are N times their planar moments."""
    total = sum(c * (1 if graph is None else N * planar[traces[graph]]) for graph, c in combination.items())
    return sympy.expand(total).coeff(N, power)


coupling = (1 - a**2) / (12 * a**4)
for label in (T, Q):
    action = {T: -N / 2, Q: -N * coupling}
    loop = at_large_size(invariants.laplacian(label), 2)
    for other, factor in action.items():
        loop += at_large_size(invariants.gradient_product(label, other), 1) * factor / N
    assert sympy.simplify(loop) == 0

# %% [markdown]
# And its slope at $g = 0$, $-36$ for $\mu_4$, is that of the first order: $-\mathrm{Cov}_0(\mathrm{tr}\, (M M^T)^2,
# \mathrm{tr}\, (M M^T)^2)$ at large $N$, for entries of variance $1/N$. Here nothing is refitted.

# %%
slope = sympy.diff(planar[4], a) / sympy.diff(coupling, a)
assert sympy.simplify(slope).subs(a, 1) == -36
large = 10**6
assert abs(invariants.covariance(fourth, fourth, large).xreplace(white) / large**4 - 36) < 1e-3

# %% [markdown]
# A rectangular matrix of $R = c N$ rows, $c \le 1$, has $R$ singular values, and a factor $\prod_i s_i^{N - R}$ more.
# In $\lambda = s^2$: $\frac12 + 2 g \lambda - \frac{1 - c}{2 \lambda} = c\, \mathrm{P}\!\!\int \rho(\lambda')\,
# d\lambda' / (\lambda - \lambda')$, solved by $c\, \omega = \frac12 + 2 g z - \frac{1 - c}{2z} - (2 g + \frac{h}{z})
# \sqrt{z^2 - 2 S z + P^2}$, $S$ the mean of the ends of the interval and $P^2$ their product. There is no pole at zero:
# $P = (1 - c)/2h$. It decays as $1/z$: $S = (h - \frac12)/2g$, and one equation for $h$ is left.

# %%
c, h, S, P = sympy.symbols("c h S P", positive=True)
terms = sum(sympy.binomial(sympy.Rational(1, 2), k) * (-2 * S / z + P**2 / z**2) ** k for k in range(5))
expansion = sympy.Rational(1, 2) + 2 * g * z - (1 - c) / (2 * z) - sympy.expand((2 * g + h / z) * z * terms)
coefficient = [sympy.expand(expansion).coeff(z, -k) for k in range(4)]
assert sympy.expand(coefficient[0].subs(S, (h - sympy.Rational(1, 2)) / (2 * g))) == 0
condition = coefficient[1] - c
means = [coefficient[k] / c for k in (2, 3)]
ends = {S: (h - sympy.Rational(1, 2)) / (2 * g), P: (1 - c) / (2 * h)}
# for c = 1 it is the square model, the interval from 0 to 4 a^2
square = {c: 1, P: 0, S: 2 * a**2, h: sympy.Rational(1, 2) + 4 * g * a**2}
assert sympy.simplify(condition.subs(square).subs(g, coupling)) == 0
for k, moment in zip((2, 4), means, strict=True):
    assert sympy.simplify(moment.subs(square).subs(g, coupling) - planar[k]) == 0


def limits(ratio, strength):
    """<tr (M M^T)^k> / R at large N, k = 1, 2."""
    numbers = {c: ratio, g: strength}
    # the condition grows with h, from below zero at 1/2
    place = brentq(sympy.lambdify(h, condition.subs(ends).subs(numbers)), 0.5, 10)
    return [float(moment.subs(ends).subs(numbers).subs(h, place)) for moment in means]


# the loop equation again: the Laplacian is 2 R N
edge = invariants.Multigraph([(0, 1), (0, 1)], kinds=(0, 1))
cycle = invariants.Multigraph([(0, 1), (2, 1), (2, 3), (0, 3)], kinds=(0, 1, 0, 1))  # tr (M M^T)^2
assert invariants.laplacian(edge) == {None: 2 * invariants.ROWS * N}
assert invariants.gradient_product(edge, cycle) == {cycle: 8}
first, second = limits(0.5, 0.25)
assert abs(1 - first - 4 * 0.25 * second) < 1e-9

# %% [markdown]
# ## Against a simulation
#
# Hybrid Monte Carlo, by itself: paths of Hamilton's equations for $V$, accepted or not. $\frac1N \langle \mathrm{tr}\,
# (M M^T)^k \rangle$ obeys the loop equation at every size, and approaches the limits as $1/N$: the measured values at
# three sizes, extrapolated, are compared with them within four standard errors.


# %%
def simulated(rows, columns, strength, samples, seed):
    """Averages of tr (M M^T)^k / rows, k = 1, 2, and their covariance, from batches of a chain."""
    rng = np.random.default_rng(seed)

    def potential(matrix):
        gram = matrix @ matrix.T
        return columns * (np.trace(gram) / 2 + strength * (gram**2).sum()), gram

    def force(matrix):
        return -columns * (matrix + 4 * strength * (matrix @ matrix.T) @ matrix)

    matrix, steps, accepted = 0.7 * rng.normal(size=(rows, columns)) / np.sqrt(columns), 10, 0
    found = np.empty((samples, 2))
    for sample in range(-50, samples):
        momentum = rng.normal(size=matrix.shape)
        length = rng.uniform(0.1, 0.3) / np.sqrt(columns) / rows**0.25
        start = potential(matrix)[0] + (momentum**2).sum() / 2
        proposal, speed = matrix, momentum + length / 2 * force(matrix)
        for step in range(steps):
            proposal = proposal + length * speed
            speed = speed + (length if step < steps - 1 else length / 2) * force(proposal)
        if rng.exponential() > potential(proposal)[0] + (speed**2).sum() / 2 - start:
            matrix, accepted = proposal, accepted + 1
        if sample >= 0:
            gram = potential(matrix)[1]
            found[sample] = np.trace(gram) / rows, (gram**2).sum() / rows
    assert accepted > samples / 2, accepted
    batches = found.reshape(40, -1, 2).mean(axis=1)  # longer than the chain remembers
    return found.mean(axis=0), np.cov(batches.T) / len(batches)


strength = 0.25
for ratio in (1.0, 0.5):
    expected = limits(ratio, strength)
    columns = (20, 40, 100)
    runs = [simulated(round(ratio * n), n, strength, 1000, seed=n) for n in columns]
    for average_of_run, spread in runs:
        combined = np.array([1, 4 * strength])
        assert abs(combined @ average_of_run - 1) < 4 * np.sqrt(combined @ spread @ combined)
    for k in (0, 1):
        values = np.array([run[0][k] for run in runs])
        errors = np.sqrt([run[1][k, k] for run in runs])
        design = np.array([np.ones(3), 1 / np.array(columns)]).T / errors[:, None]
        inverse = np.linalg.inv(design.T @ design)
        limit = (inverse @ design.T @ (values / errors))[0]
        print(
            f"c = {ratio}: tr (M M^T)^{k + 1} / R {limit:.4f} +- {inverse[0, 0] ** 0.5:.4f}, planar {expected[k]:.4f}"
        )
        assert abs(limit - expected[k]) < 4 * np.sqrt(inverse[0, 0])
        assert inverse[0, 0] ** 0.5 < 0.004
        # without interaction the moment is far away
        assert abs(limit - (1, 1 + ratio)[k]) > 50 * np.sqrt(inverse[0, 0])
