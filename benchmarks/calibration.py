"""Whether p-values are uniform and intervals cover, in ensembles drawn from known Gaussian models.

python benchmarks/calibration.py                                                                (a minute: a small run)
python benchmarks/calibration.py --ensembles 1000 --sizes 10 24 --matrices 200 1000             (the full one)

For each size and number of matrices one generic model is the truth. Each ensemble drawn from it is fitted, compared,
and one further ensemble is drawn from the fit, refitted and compared: the bootstrap with one replicate an ensemble
(Giacomini, Politis and White, Econometric Theory 29, 567, 2013), whose replicates are pooled over the ensembles. To be
checked, a row each in the table that is printed and written as CSV:

- uniform: Kolmogorov-Smirnov, of the statistics against the pooled replicates (of a test that brings its own p-value
  against the uniform law), for the two global statistics, the global test, and all graphs that are tested; fails below
  0.01 over the number of such rows in all;
- coverage of the 95% intervals of every parameter, by each method; fails beyond four Monte-Carlo errors (of the exact
  intervals only: the others are asymptotic and shown for their size);
- discoveries: share of ensembles with any q <= 0.05, of which all are false; fails beyond 0.05 by four errors.

A row of size 0.05 beside them tells how often the asymptotic p-values of `compare` fall below 0.05.
"""

import argparse
import os
import time
from concurrent.futures import ThreadPoolExecutor
from math import sqrt

import numpy as np
import pandas as pd
from rich.progress import track
from scipy.stats import ks_2samp, kstest

from pigmm.fitting import PIGMM, SquareSpace, compare, mean_invariance_test, symmetry_p_values
from pigmm.fitting.model.blocks import parameters_from_blocks
from pigmm.fitting.model.intervals import METHODS, confidence_intervals
from pigmm.fitting.tests_of_models.multiple_testing import q_values
from pigmm.invariants import multigraphs

GRAPHS = (*multigraphs(3), *multigraphs(4))


def generic_model(size, seed):
    """A model with nothing special about it."""
    rng = np.random.default_rng(seed)
    space = SquareSpace(size)
    parameters = rng.normal(size=2).tolist()
    for irrep in space.decomposition.irreps:
        copies = len(irrep.copies)
        root = rng.normal(size=(copies, copies + 2))
        parameters += (root @ root.T / copies)[np.triu_indices(copies)].tolist()
    return PIGMM(size, parameters)


def exchangeable_model(size, seed):
    """A model of which rows and columns may be permuted independently (S_N x S_N): five parameters."""
    rng = np.random.default_rng(seed)
    whole, columns, rows, rest = rng.uniform(0.5, 2.0, size=4)
    blocks = [np.diag([whole, rest]), np.diag([columns, rows, rest]), np.eye(1) * rest, np.eye(1) * rest]
    return PIGMM(size, parameters_from_blocks(np.array([size * rng.normal(), 0.0]), blocks))


def symmetry_tests(matrices, seed):
    """Every test of S_N x S_N against S_N."""
    return symmetry_p_values(matrices, replicates=99, seed=seed)


def invariance_tests(matrices, seed):
    """The exact tests that the mean is invariant under S_N."""
    return {f"mean in {irrep}": p for irrep, p in mean_invariance_test(matrices).p_value.items()}


#: Tests that bring p-values of their own: the truth that fulfils their hypothesis (of a size and a seed), and a
#: function (matrices (n, N, N), seed) -> {name: p-value}. Each name becomes a row that must be uniform.
TESTS = [(exchangeable_model, symmetry_tests), (generic_model, invariance_tests)]


def fit_and_compare(matrices):
    """The fit, and the columns z and deviation of the comparison with it."""
    fit = PIGMM.fit(matrices)
    table = compare(fit, matrices, GRAPHS)
    return fit, table["z"].to_numpy(), table["deviation"].to_numpy()


def in_threads(function, items, description):
    """Results of a function in the order of the items, with a bar of progress."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(track(pool.map(function, items), total=len(items), description=description))


def global_statistics(observed, replicated):
    """max |z|, mean z^2, and the smaller of their p-values, of both sets, ranked together."""
    both = np.vstack([observed, replicated])
    statistics = [np.abs(both).max(axis=1), np.square(both).mean(axis=1)]
    shares = [np.searchsorted(np.sort(-s), -s, side="right") / len(both) for s in statistics]
    rows = {"max |z|": statistics[0], "mean z^2": statistics[1], "global test": np.minimum(*shares)}
    return {name: (s[: len(observed)], s[len(observed) :]) for name, s in rows.items()}


def calibrate(size, count, ensembles, seed):
    """Rows (what, quantity, value, expected, error) of one size and number of matrices."""
    truth = generic_model(size, seed)

    def run(number):
        rng = np.random.default_rng([seed, size, count, number])
        matrices = truth.sample(count, rng)
        table = compare(fit := PIGMM.fit(matrices), matrices, GRAPHS)
        replicate = fit_and_compare(fit.sample(count, rng))[1]
        covered = {}
        for method in METHODS:
            ends = confidence_intervals(fit, matrices, method=method, replicates=400, seed=rng)
            covered[method] = ((ends.lower <= truth.parameters) & (truth.parameters <= ends.upper)).to_numpy()
        return table["z"].to_numpy(), replicate, table["p_value"].to_numpy(), table["q_value"].min(), covered

    results = in_threads(run, range(ensembles), f"N={size}, n={count}")
    z, replicates, p, smallest_q = (np.array([result[k] for result in results]) for k in range(4))
    rows = []
    for name, (seen, null) in global_statistics(z, replicates).items():
        rows.append(("uniform", name, ks_2samp(seen, null).pvalue, np.nan, np.nan))
    for k, graph in enumerate(GRAPHS):
        rows.append(("uniform", f"z of {graph.label}", ks_2samp(z[:, k], replicates[:, k]).pvalue, np.nan, np.nan))
    for make_truth, test in TESTS:
        rows += test_rows(make_truth(size, seed), test, count, ensembles, seed)
    for method in METHODS:
        covered = np.mean([result[4][method] for result in results], axis=0)
        error = sqrt(0.95 * 0.05 / ensembles)
        rows += [
            ("coverage" if method == "exact" else f"coverage, {method}", parameter, share, 0.95, error)
            for parameter, share in zip(truth.names, covered, strict=True)
        ]
    error = sqrt(0.05 * 0.95 / ensembles)
    null = np.sort(np.abs(replicates), axis=0)
    calibrated = np.array([1 + ensembles - np.searchsorted(null[:, k], np.abs(z[:, k])) for k in range(len(GRAPHS))])
    discovered = [q_values(column).min() <= 0.05 for column in (calibrated / (ensembles + 1)).T]
    rows.append(("discoveries", "bootstrap", np.mean(discovered), 0.05, error))
    rows.append(("discoveries, asymptotic", "compare", (smallest_q <= 0.05).mean(), 0.05, error))
    sizes = (p <= 0.05).mean(axis=0)
    rows.append(("size 0.05, asymptotic", "mean over graphs", sizes.mean(), 0.05, np.nan))
    rows.append(("size 0.05, asymptotic", "worst graph", sizes.max(), 0.05, np.nan))
    return pd.DataFrame(rows, columns=["check", "of", "value", "expected", "error"]).assign(size=size, matrices=count)


def test_rows(truth, test, count, ensembles, seed):
    """Rows of one entry of TESTS."""

    def run(number):
        rng = np.random.default_rng([seed, truth.size, count, number])
        return test(truth.sample(count, rng), number)

    results = in_threads(run, range(ensembles), f"N={truth.size}, n={count}, {test.__name__}")
    p = pd.DataFrame(results)
    return [("uniform", f"{test.__name__}: {k}", kstest(p[k], "uniform").pvalue, np.nan, np.nan) for k in p]


def judge(table):
    """Whether each row that is a check passes; NaN for rows that only inform."""
    uniform = table["check"] == "uniform"
    within = (table["value"] - table["expected"]).abs() <= 4 * table["error"]
    low = table["value"] <= table["expected"] + 4 * table["error"]
    table["passes"] = pd.Series(np.nan, index=table.index, dtype=object)
    table.loc[uniform, "passes"] = table.loc[uniform, "value"] >= 0.01 / uniform.sum()
    table.loc[table["check"] == "coverage", "passes"] = within
    table.loc[table["check"] == "discoveries", "passes"] = low
    return table


def main():
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ensembles", type=int, default=100)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10])
    parser.add_argument("--matrices", type=int, nargs="+", default=[200])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", default="build/calibration.csv")
    options = parser.parse_args()
    start = time.perf_counter()
    cells = [(size, count) for size in options.sizes for count in options.matrices]
    table = judge(pd.concat([calibrate(*cell, options.ensembles, options.seed) for cell in cells], ignore_index=True))
    os.makedirs(os.path.dirname(options.output) or ".", exist_ok=True)
    table.to_csv(options.output, index=False)
    for (size, count, check), rows in table.groupby(["size", "matrices", "check"], sort=False):
        judged = rows["passes"].dropna()
        verdict = f"{int(judged.sum())} of {len(judged)} pass" if len(judged) else "for information"
        print(
            f"N={size:3d} n={count:5d} {check:26s} {rows['value'].min():8.4f} .. {rows['value'].max():.4f}  {verdict}"
        )
    failed = table[table["passes"].eq(False)]
    print(failed.to_string() if len(failed) else "every check passes")
    seconds = time.perf_counter() - start
    print(f"{options.ensembles} ensembles a cell, {seconds:.0f} s; all {len(table)} rows: {options.output}")


if __name__ == "__main__":
    main()
