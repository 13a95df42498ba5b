# %% [markdown]
# # 10. Noise and a spike: free sums and outliers
#
# The Hessian of a loss on a batch of $b$ examples is $H = s(b) X + A$: noise $X$, whose eigenvectors have nothing to
# do with those of the signal $A$, and which shrinks as $b^{-1/2}$. Where do the eigenvalues of $A$ appear in the
# spectrum of $H$? (arXiv:2205.08601)
#
# ## Transforms
#
# $G(z) = \langle 1/(z - \lambda) \rangle$ is the Stieltjes transform of a law, $K$ its inverse, $G(K(g)) = g$, and
# $R(g) = K(g) - 1/g$. For the semicircle of variance $s^2$ we know $G$ from its moments. The moment $m_{2k}$ counts
# the non-crossing pairings: $m_{2k} = s^{2k} C_k$ with Catalan's numbers, which obey $C_{k+1} = \sum_i C_i C_{k-i}$.
# So $G = \sum_k m_{2k} z^{-2k-1}$ solves $z G = 1 + s^2 G^2$.

# %%
import numpy as np
import sympy

import pigmm.spectra as spectra

s, c, g, theta, z, x, epsilon = sympy.symbols("s c g theta z x epsilon", positive=True)
terms = 8
moments = {2 * k: s ** (2 * k) * sympy.catalan(k) for k in range(terms)}
G = sum(m * x ** (power + 1) for power, m in moments.items())  # x = 1/z
remainder = sympy.Poly(sympy.expand(G / x - 1 - s**2 * G**2), x)
assert min(power for (power,), _ in remainder.terms()) >= 2 * terms

# %% [markdown]
# With $z = K(g)$ this reads $g K = 1 + s^2 g^2$, so $R(g) = s^2 g$. The library's transforms are the same.

# %%
semicircle = spectra.Semicircle(s)
K = (1 + s**2 * g**2) / g
assert sympy.simplify(K - 1 / g - semicircle.r_transform(g)) == 0
for value in (2.1 + 0.3j, -3.0, 5j):
    exact = spectra.Semicircle(0.9).stieltjes(value)
    assert abs(value * exact - 1 - 0.81 * exact**2) < 1e-12

# %% [markdown]
# For $s Y Y^T / n$ with $Y$ of size $P \times n$ and $c = P/n$: adding one column $y$ of $Y$ adds a matrix of rank
# one, and $y$ knows nothing of the others. By Sherman and Morrison, with $R = (z - W)^{-1}$ of all columns but one,
# $\frac{s}{n} y^T R_{\rm all}\, y = u / (1 - u)$ with $u = \frac{s}{n} y^T R\, y \to s c G(z)$. The trace of $W
# R_{\rm all} = z R_{\rm all} - 1$ is the sum over the $n$ columns: $P (z G - 1) = n\, u/(1 - u)$.

# %%
u = s * c * g
(K,) = sympy.solve(sympy.Eq(c * (z * g - 1), u / (1 - u)), z)
marchenko_pastur = spectra.MarchenkoPastur(c, s)
assert sympy.simplify(K - 1 / g - marchenko_pastur.r_transform(g)) == 0
assert sympy.simplify(marchenko_pastur.r_transform(g) - s / (1 - c * s * g)) == 0

# %% [markdown]
# The $S$-transform solves $t\, S(t)\, R(t S(t)) = t$, for products of free matrices what $R$ is for sums.

# %%
t = sympy.Symbol("t", positive=True)
for law in (semicircle, marchenko_pastur):
    S = law.s_transform(t)
    assert sympy.simplify(S * law.r_transform(t * S) - 1) == 0

# %% [markdown]
# ## Sums of free matrices
#
# $R$-transforms of free matrices add. Two semicircles give one of the sum of the variances; noise on a sample
# covariance gives a cubic.

# %%
s2 = sympy.Symbol("s_2", positive=True)
assert sympy.expand(spectra.FreeSum(semicircle, spectra.Semicircle(s2)).r_transform(g) - (s**2 + s2**2) * g) == 0
cubic = spectra.FreeSum(semicircle, marchenko_pastur).equation(g, z)
assert cubic.degree() == 3
numbers = {s: 1, c: sympy.Rational(1, 2)}
rng = np.random.default_rng(0)
size = 600
a, y = rng.normal(size=(size, size)), rng.normal(size=(size, 2 * size))
measured = np.linalg.eigvalsh((a + a.T) / np.sqrt(2 * size) + y @ y.T / (2 * size))
exact = spectra.FreeSum(spectra.Semicircle(1.0), spectra.MarchenkoPastur(0.5))
for point in (0.5 + 0.5j, 2 + 0.4j):
    value = complex(exact.stieltjes(point))
    assert abs(complex(cubic.as_expr().subs(numbers).subs({g: value, z: point}))) < 1e-8
    assert abs(value - (1 / (point - measured)).mean()) < 0.01

# %% [markdown]
# ## Outliers
#
# An eigenvalue $\rho$ of $X + \theta u u^T$ off the spectrum of $X$ solves $1 = \theta\, u^T (\rho - X)^{-1} u$, and
# for a direction $u$ that $X$ knows nothing of, the right side is $\theta\, G(\rho)$. So $G(\rho) = 1/\theta$:
# $$\rho = K(1/\theta) = \theta + R(1/\theta).$$

# %%
for law in (semicircle, marchenko_pastur):
    assert sympy.simplify(law.outlier(theta) - theta - law.r_transform(1 / theta)) == 0
assert semicircle.outlier(theta) == theta + s**2 / theta

# %% [markdown]
# With $s(b)^2 = s_1^2 / b$ the outlier of the batch Hessian is $\theta + s_1^2/(\theta b)$: linear in $1/b$.
#
# $K$ is the inverse of $G$ only until the edge of the spectrum, where $K' = 0$. A smaller spike is swallowed by the
# bulk.

# %%
edge = sympy.solve(sympy.diff(1 / g + semicircle.r_transform(g), g), g)
assert edge == [1 / s]
assert sympy.simplify(semicircle.outlier(theta).subs(theta, s) - semicircle.support[1]) == 0
K = 1 / g + marchenko_pastur.r_transform(g)
critical = c * s + sympy.sqrt(c) * s
assert sympy.simplify(sympy.diff(K, g).subs(g, 1 / critical)) == 0
place = marchenko_pastur.outlier(theta).subs(theta, critical)
assert sympy.simplify(place - marchenko_pastur.support[1]) == 0
assert np.isnan(spectra.Semicircle(1.0).outlier(0.99))
assert not np.isnan(spectra.Semicircle(1.0).outlier(1.01))

# %% [markdown]
# ## A step along a spike
#
# A step preconditioned by $(H + \epsilon)^{-1}$ is, along $u$, $u^T (X + \epsilon + \theta u u^T)^{-1} u$. With $1/e
# = u^T (X + \epsilon)^{-1} u = \langle 1/(\lambda + \epsilon) \rangle$ it is $1/(\theta + e)$, by Sherman and
# Morrison: the noise lowers the damping from $\epsilon$ to $e$.

# %%
resolvent = 1 / x
step = resolvent - theta * resolvent**2 / (1 + theta * resolvent)
assert sympy.simplify(step - 1 / (theta + x)) == 0
e = (epsilon + sympy.sqrt(epsilon**2 - 4 * s**2)) / 2
# G(-epsilon) = -1/e solves z G = 1 + s^2 G^2
assert sympy.simplify(-epsilon * (-1 / e) - 1 - s**2 / e**2) == 0
for damping in (2.5, 4.0):
    assert (
        abs(spectra.effective_damping(spectra.Semicircle(1.0), damping) - float(e.subs({s: 1, epsilon: damping})))
        < 1e-12
    )
