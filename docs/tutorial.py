# %% [markdown]
# # Your own matrices
#
# From files to answers: which Gaussian model, which symmetry, how far from Gaussian. Everything here works on
# matrices from anywhere; nothing has to be a neural network, and PyTorch is needed for its own checkpoints only.
#
# ## On the command line
#
# ```
# .venv/bin/pigmm fit words.npy --output words-fit
# ```
#
# Here `words.npy` stands for your file. It may be one file with many matrices, an array (n, rows, columns), or many
# files with a matrix each, which are taken together if they have one name and shape:
#
# | Files | What is taken |
# | --- | --- |
# | `.npy` | one array |
# | `.npz`, `.safetensors`, `.zarr` | every array whose name matches `--tensor`, such as `--tensor '*.weight'` |
# | `.pt`, `.pth`, `.ckpt`, `.bin` | the same of a torch checkpoint, read with `weights_only=True` |
# | a RUN folder | each stored layer at `--epoch` (default: the last) |
#
# Nothing is unpickled: a file that holds pickled objects is refused. Arrays of one or four axes are passed over, and
# the command says which; a NaN is an error that names its file. Square matrices get the 13-parameter model, others
# the five of separate permutations of rows and columns; `--kind symmetric` and `--kind symmetric-zero-diagonal` are
# for what their names say, and `--kind correlation` is for symmetric matrices with ones on the diagonal. Square
# matrices must have at least 4 rows; 3 matrices are the fewest that can be fitted, but the standard errors are good
# from about 100 on.
#
# `words-fit/report.html` then answers, for each ensemble of matrices:
#
# - **The parameters**, with standard errors and 95% intervals, once by the exact sampling law of Gaussian matrices
#   and once by the spread of the matrices themselves (“sandwich”). Where the two differ much, the matrices are not
#   Gaussian: believe the second.
# - **Are they Gaussian?** One p-value of all cubic and quartic invariants together, calibrated by simulation, with
#   the smallest value that so many replicates can give; and p-values and false discovery rates one by one.
# - **Which symmetry do they have?** One table of nested models, with AIC, BIC and the p-values of four tests.
# - **Are they permutation invariant at all?** Tests of mean and covariance, irrep by irrep.
# - **How far are they from simpler?** The Wasserstein distance to independent entries, and optimal transport between
#   the matrices and a sample of the fitted model, each beside what chance alone would give.
#
# `words-fit/tables/` has all of it as CSV, `words-fit/models/` the fitted models as JSON. The calibration takes 499
# simulated ensembles: some seconds for 1000 matrices of size 10. `--replicates` sets the number; `--replicates 0`
# leaves asymptotic p-values, and so do matrices so large that it would take more than minutes, unless you ask.

# %% [markdown]
# ## In Python
#
# The same, step by step. `matrices` is any array (n, N, N); these have heavier tails than Gaussian ones, and a
# diagonal of another mean.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from pigmm.fitting import PIGMM, confidence_intervals

matrices = np.random.default_rng(1).standard_t(8, size=(400, 6, 6)) + 0.3 * np.eye(6)
model = PIGMM.fit(matrices)
model

# %% [markdown]
# Intervals come in two kinds: by the exact sampling law of Gaussian matrices, and by the spread of the matrices
# themselves, which supposes no Gaussian law (“sandwich”). The second are wider here, because the tails are heavy.

# %%
exact = confidence_intervals(model, matrices)
sandwich = confidence_intervals(model, matrices, method="sandwich")
pd.concat({"exact": exact, "sandwich": sandwich}, axis=1).round(4)

# %% [markdown]
# **Gaussian or not?** `gaussianity_test` fits, compares and calibrates; `bootstrap_comparison` does so for a model in
# hand. The smallest p-value that 199 replicates can give is 0.005.

# %%
from pigmm.fitting import gaussianity_test

result = gaussianity_test(matrices, replicates=199)
print("p =", result.global_p_value, "at the smallest", result.smallest_p_value)
columns = ["formula", "z", "p_value", "q_value", "familywise_p_value"]
result.table.sort_values("z", key=abs, ascending=False)[columns].head()

# %% [markdown]
# The fourth powers of the entries depart most: these are the tails. In a picture, each dot is one of the 348 cubic
# and quartic invariants.

# %%
order = result.table.sort_values("z")
figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
axes.scatter(range(len(order)), order.z, s=6, c=order.degree, cmap="coolwarm")
axes.set(xlabel="invariant, in order of z", ylabel="measured − predicted\nin standard errors")
axes.axhline(0, color="grey", linewidth=0.8)
plt.show()

# %% [markdown]
# `compare` gives the same columns with asymptotic p-values, at no cost: good enough to follow training epoch by
# epoch.
#
# **Which symmetry?** The likelihood ratios suppose Gaussian entries; Wald's test and the randomisation test do not.

# %%
from pigmm.fitting import nested_models, randomisation_test, restricted_fits, wald_tests

nested = nested_models(matrices)
nested["p_wald"] = wald_tests(matrices).p_value
nested[["parameters", "aic", "bic", "p_bootstrap", "p_wald"]].round(4)

# %%
print(randomisation_test(matrices))  # rows and columns permuted independently: the diagonal refutes it
best = restricted_fits(matrices)[nested.bic.idxmin()]
best

# %% [markdown]
# **Permutation invariant?** A matrix whose rows are classes, say, has neither an invariant mean nor an invariant
# covariance. The first test is exact if the matrices are Gaussian, the second whatever they are.

# %%
from pigmm.fitting import mean_invariance_test, permutation_invariance_test

mean_invariance_test(matrices).round(3)

# %%
permutation_invariance_test(matrices).round(3)

# %% [markdown]
# **How far?** Distances between fits are closed forms. A fit of a finite ensemble is at a distance from the truth
# too, and `distance_test` says at which. `None` says that the law was given, not fitted to matrices.

# %%
from pigmm.fitting import distance_test, sample_distance_test

law = PIGMM.iid(6, variance=1.0)
print(distance_test(model, law, len(matrices), None))
print(sample_distance_test(matrices, model, replicates=49))

# %% [markdown]
# If you simulated the matrices yourself with the seed 0, give the last test another seed: it draws its own sample by
# `seed` too, and the same random numbers would make the same matrices.
#
# **Paths.** Models by (layer, epoch), from wherever they come, become a table of distances and a plane that shows
# them.

# %%
from pigmm.fitting import distance_matrix, embed

drift = 0.15 * np.eye(6)
fits = {(1, epoch): PIGMM.fit((1 + epoch / 10) * matrices + epoch**2 * drift) for epoch in range(4)}
plane = embed(distance_matrix(fits))
figure, axes = plt.subplots(figsize=(5, 3), layout="constrained")
axes.plot(plane.iloc[:, 0], plane.iloc[:, 1], "o-")
for (_, epoch), place in zip(plane.index, plane.to_numpy(), strict=True):
    axes.annotate(f"epoch {epoch}", place[:2], xytext=(4, 4), textcoords="offset points")
axes.set(xlabel=f"{plane.attrs['shares'][0]:.0%} of the spread", ylabel=f"{plane.attrs['shares'][1]:.0%}")
axes.margins(0.2)
plt.show()

# %% [markdown]
# More matrices than fit in memory: `SufficientStatistics` are added up chunk by chunk, and `nested_models` takes them
# as they are.
