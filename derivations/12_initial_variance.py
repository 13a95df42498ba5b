# %% [markdown]
# # 12. From which variance should the weights of a network start?
#
# Plain SGD with learning rate $\eta$ and batches of $B$ examples is, over times that are long against a step, the
# Langevin equation $d\theta = -\nabla L\, dt + \sqrt{2T}\, dW$ (arXiv:2508.12834). Here its temperature, the bound on
# the expected loss that the initial variance gives, the best variance, and what the symmetries of ReLU networks add.
#
# ## Temperature
#
# A step is $\theta \to \theta - \eta\, (\nabla L + \xi)$ with noise of variance $\sigma_g^2/B$. In the quadratic loss
# $L = k\theta^2/2$ the variance $v$ of $\theta$ is stationary where $v = (1 - \eta k)^2 v + \eta^2 \sigma_g^2/B$.
# For small steps it is $T/k$, the variance of $e^{-L/T}$.

# %%
import numpy as np
import sympy

import pigmm.studies as studies

eta, sigma2, B, k, v, T, s2, n = sympy.symbols("eta sigma_g2 B k v T s2 n", positive=True)
(stationary,) = sympy.solve(sympy.Eq(v, (1 - eta * k) ** 2 * v + eta**2 * sigma2 / B), v)
temperature = studies.langevin_temperature(eta, sigma2, B)
assert sympy.limit(stationary / (temperature / k), eta, 0) == 1
print("exactly, for steps of any size: v k / T =", sympy.simplify(stationary * k / temperature))

# %% [markdown]
# ## The bound
#
# Let $P = e^{-L/T}/Z$ and $q = N(0, s^2)$ in $n$ dimensions. Then $\mathrm{KL}(P \| q) = \langle \ln P \rangle -
# \langle \ln q \rangle = -\langle L \rangle/T - \ln Z + \frac{n}{2} \ln 2\pi s^2 + \langle |\theta|^2 \rangle / 2s^2
# \ge 0$ bounds $\langle L \rangle$ from above. For the quadratic loss all of it is known, in one dimension from the
# integrals.

# %%
theta = sympy.Symbol("theta", real=True)
L = k * theta**2 / 2
Z = sympy.integrate(sympy.exp(-L / T), (theta, -sympy.oo, sympy.oo))
P = sympy.exp(-L / T) / Z


def mean(f):
    """Of a function of theta under P."""
    return sympy.simplify(sympy.integrate(f * P, (theta, -sympy.oo, sympy.oo)))


ln_q = -sympy.log(2 * sympy.pi * s2) / 2 - theta**2 / (2 * s2)
divergence = mean(-L / T - sympy.log(Z) - ln_q)
square = mean(theta**2)
bound = studies.loss_bound(s2, square, 1, T, sympy.log(Z))
assert square == T / k
assert mean(L) == T / 2
assert sympy.simplify(sympy.expand_log(bound - mean(L) - T * divergence, force=True)) == 0

# %% [markdown]
# The bound is smallest where its derivative vanishes: at the mean square of the trained weights, for any loss.

# %%
norm, ln_Z = sympy.symbols("norm lnZ", positive=True)
general = studies.loss_bound(s2, norm, n, T, ln_Z)
(best,) = sympy.solve(sympy.diff(general, s2), s2)
assert sympy.simplify(best - studies.best_variance(norm, n)) == 0
assert sympy.simplify(sympy.diff(general, s2, 2).subs(s2, best)).is_positive

# %% [markdown]
# Elsewhere it is larger by $\frac{nT}{2} [r - 1 - \ln r]$ with $r = s^{*2}/s^2$, whatever the loss: what is measured is
# the ratio $r$ of the mean square weight after training to the variance before. For layers of different variance $q$
# is a product: each layer has its own $r$, and the excesses add.

# %%
excess = sympy.expand_log(general - general.subs(s2, best), force=True)
assert sympy.simplify(excess - sympy.expand_log(studies.bound_excess(best / s2, n, T), force=True)) == 0

# %% [markdown]
# For the quadratic loss $s^{*2} = T/k$, the divergence vanishes there and the bound is the loss: $\langle L \rangle =
# nT/2$.

# %%
at_best = {s2: T / k}
assert studies.best_variance(square, 1) == T / k
assert sympy.simplify(sympy.expand_log(divergence.subs(at_best), force=True)) == 0
assert sympy.simplify(sympy.expand_log(bound.subs(at_best), force=True)) == T / 2

# %% [markdown]
# ## One condition, not one for each layer
#
# A ReLU network without biases is homogeneous in each layer's weights: $\sum W_l\, \partial f/\partial W_l = f$ for
# every $l$. So $\frac{d}{dt} |W_l|^2 = -2 \langle W_l, \partial L/\partial W_l \rangle = -2 \langle f, \partial L /
# \partial f \rangle$ is the same for every layer, by gradient flow on any loss: all squared norms grow by one amount
# $\Delta$. Then $r_l = 1 + \Delta/(n_l s_l^2)$, and training keeps the weights of all layers where $\Delta = 0$, or of
# none. The fixed points are a surface, and iterating $s_l^2 \to s_l^2 r_l$ finds the one with the differences of the
# squared norms it began with. Steps of finite size add $\eta^2 |\partial L/\partial W_l|^2$, which is not the same for
# all layers.

# %%
rng = np.random.default_rng(0)
weights = [rng.normal(size=shape) for shape in ((6, 8), (5, 6), (3, 5))]
inputs, targets = rng.normal(size=(8, 20)), rng.integers(3, size=20)


def gradients(weights):
    """Of the cross-entropy with respect to the weights, by backpropagation."""
    values = [inputs]
    for layer, W in enumerate(weights):
        product = W @ values[-1]
        values.append(np.maximum(product, 0) if layer < len(weights) - 1 else product)
    shifted = np.exp(values[-1] - values[-1].max(axis=0))
    back = (shifted / shifted.sum(axis=0) - np.eye(3)[:, targets]) / inputs.shape[1]
    found = []
    for layer in reversed(range(len(weights))):
        found.append(back @ values[layer].T)
        back = (weights[layer].T @ back) * (values[layer] > 0)
    return found[::-1]


rates = [-2 * (W * G).sum() for W, G in zip(weights, gradients(weights), strict=True)]
assert np.allclose(rates, rates[0], rtol=1e-12)

# %% [markdown]
# A check of the temperature by simulation: 400 weights in the quadratic loss, trained by noisy steps of finite size.

# %%
rate, curvature, spread, batch = 0.05, 1.0, 2.0, 10
weight, kept = np.zeros(400), []
for step in range(2000):
    noise = rng.normal(size=weight.size) * spread / np.sqrt(batch)
    weight -= rate * (curvature * weight + noise)
    if step >= 200:
        kept.append((weight**2).mean())
exact = float(stationary.subs({eta: rate, k: curvature, sigma2: spread**2, B: batch}))
assert abs(np.mean(kept) / exact - 1) < 0.03
