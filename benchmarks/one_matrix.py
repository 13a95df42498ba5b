"""What single matrices tell: sizes of the tests where nothing is to be found, and power where something is.

python benchmarks/one_matrix.py                                                  (two minutes: a small run)
python benchmarks/one_matrix.py --matrices 2000 --sizes 16 64 256 --power 400    (the full one)

Null laws, each with rows and columns independently exchangeable, so that nothing relates a unit's row to its column:

- gaussian, laplace, student: independent entries (Student's t with 5 degrees of freedom), plus row and column means
  that vary, independently of each other;
- scales: Gaussian entries whose rows and columns have random scales.

Size: share of matrices whose p-value is at most 0.05, for each test of `analyse_matrix`, and its error.
The randomisation tests are exact for all of these laws; the others are exact, or nearly so, for the first only.

Coverage: share of single matrices, drawn from a generic model of 13 parameters and fitted given their trivial
components, whose exact 95% intervals hold the truth.

Power, at 5%, against the size of an effect in a matrix of independent Gaussian entries of variance 1/N:

- self-connections: -e/sqrt(N) added to the diagonal;
- symmetry: entries i, j and j, i correlated with e;
- related means: row and column means of a unit correlated with e, each with the variance of two such entries.

Beside them stands what spectral tools say of the same matrices: the Kolmogorov-Smirnov distance of the squared singular
values to the Marchenko-Pastur law of the matrix's own variance, and the exponent alpha of WeightWatcher (`make bench`
installs it). These have no null law of their own: they reject beyond the 2.5% points of the matrices without effect.
"""

import argparse
import logging
import warnings
from math import sqrt

import numpy as np
import pandas as pd
from calibration import generic_model, in_threads
from scipy.stats import kstest
from threadpoolctl import threadpool_limits

from pigmm.fitting import PIGMM, analyse_matrix, confidence_intervals

PARTS = ["sizes", "coverage", "power"]
P_VALUES = {
    "likelihood ratio": "p_value",
    "likelihood ratio, randomised": "p_randomisation",
    "self-connections": "p_trace",
    "self-connections, randomised": "p_trace_randomisation",
    "symmetry": "p_symmetry",
    "row and column means": "p_row_column",
}


def with_means(entries, rng):
    """Entries plus row and column means that vary."""
    size = len(entries)
    return entries + (rng.normal(size=(size, 1)) + rng.normal(size=size)) / sqrt(size)


def with_scales(entries, rng):
    """Entries whose rows and columns have log-normal scales."""
    rows, columns = np.exp(rng.normal(scale=0.3, size=(2, len(entries))))
    return rows[:, None] * entries * columns


NULL = {
    "gaussian": lambda size, rng: with_means(rng.normal(size=(size, size)), rng),
    "laplace": lambda size, rng: with_means(rng.laplace(size=(size, size)), rng),
    "student": lambda size, rng: with_means(rng.standard_t(5, size=(size, size)), rng),
    "scales": lambda size, rng: with_scales(rng.normal(size=(size, size)), rng),
}


def iid(size, rng):
    """Independent Gaussian entries of variance 1/N."""
    return rng.normal(size=(size, size)) / sqrt(size)


def self_connections(size, effect, rng):
    """Every unit inhibits itself."""
    return iid(size, rng) - effect / sqrt(size) * np.eye(size)


def symmetry(size, effect, rng):
    """Entries i, j and j, i have this correlation."""
    entries = iid(size, rng)
    root = (sqrt(1 + effect) + sqrt(1 - effect)) / 2
    return root * entries + effect / (2 * root) * entries.T


def related_means(size, effect, rng):
    """Means of the row and the column of a unit have this correlation."""
    rows, other = rng.normal(size=(2, size)) / size
    columns = effect * rows + sqrt(1 - effect**2) * other
    return iid(size, rng) + rows[:, None] + columns


#: Each effect: how it is made, its sizes at N = 64 (divided by sqrt(N/64) for others), and the test made for it.
EFFECTS = {
    "self-connections": (self_connections, (0.0, 0.25, 0.5, 1.0), "p_trace"),
    "symmetry": (symmetry, (0.0, 0.02, 0.05, 0.1), "p_symmetry"),
    "related means": (related_means, (0.0, 0.3, 0.6, 0.9), "p_row_column"),
}


def sizes_of_tests(size, count, replicates, seed):
    """Rows (law, N, test, share at most 0.05, error)."""
    rows = []
    for law, make in NULL.items():

        def run(number, law=law, make=make):
            rng = np.random.default_rng([seed, size, list(NULL).index(law), number])
            return analyse_matrix(make(size, rng), replicates=replicates, seed=number)

        found = pd.DataFrame(in_threads(run, range(count), f"N={size}, {law}"))
        for name, column in P_VALUES.items():
            share = float((found[column].astype(float) <= 0.05).mean())
            rows.append((law, size, name, share, sqrt(0.05 * 0.95 / count)))
    return pd.DataFrame(rows, columns=["law", "size", "test", "share", "error"])


def coverage(size, count, seed):
    """Rows (N, parameter, share of intervals that hold the truth)."""
    truth = generic_model(size, seed)

    def run(number):
        matrix = truth.sample(1, np.random.default_rng([seed, size, number]))
        ends = confidence_intervals(PIGMM.fit(matrix, given_trivial=True), matrix)
        exact = pd.Series(truth.parameters, truth.names)[ends.index]
        return (ends.lower <= exact) & (exact <= ends.upper)

    shares = pd.DataFrame(in_threads(run, range(count), f"N={size}, intervals")).mean()
    return pd.DataFrame({"size": size, "parameter": shares.index, "coverage": shares.to_numpy()})


def marchenko_pastur_distance(matrix):
    """Kolmogorov-Smirnov distance of the squared singular values to the Marchenko-Pastur law of a square matrix.

    With x the singular value over 2 standard deviations, the law of x is the quarter circle.
    """
    values = np.linalg.svd(matrix, compute_uv=False) / (2 * matrix.std() * sqrt(len(matrix)))

    def cumulative(x):
        x = np.clip(x, 0, 1)
        return 2 / np.pi * (x * np.sqrt(1 - x**2) + np.arcsin(x))

    return kstest(values, cumulative).statistic


def alphas(matrices):
    """WeightWatcher's exponent of the tail of the eigenvalues, of each matrix."""
    import torch

    logging.disable(logging.INFO)  # it prints its banner and each step
    import weightwatcher

    layers = [torch.nn.Linear(*matrix.shape[::-1], bias=False) for matrix in matrices]
    for layer, matrix in zip(layers, matrices, strict=True):
        layer.weight.data = torch.from_numpy(matrix).float()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return weightwatcher.WeightWatcher(model=torch.nn.Sequential(*layers)).analyze().alpha.to_numpy()


def power(name, size, count, seed):
    """Rows (effect, N, effect size, share rejected by each statistic)."""
    make, effects, column = EFFECTS[name]
    spectral, rows = {}, []
    for effect in effects:
        used = effect * (sqrt(64 / size) if name == "self-connections" else 64 / size if name == "symmetry" else 1)

        def draw(number, used=used):
            return make(size, used, np.random.default_rng([seed, size, number]))

        tests = pd.DataFrame(
            in_threads(lambda number: analyse_matrix(draw(number), replicates=0), range(count), f"{name} {used:.3g}")
        )
        matrices = [draw(number) for number in range(count)]
        spectra = {
            "Marchenko-Pastur distance": np.array([marchenko_pastur_distance(matrix) for matrix in matrices]),
            "WeightWatcher alpha": alphas(matrices),
        }
        row = {"effect": name, "size": size, "of": round(used, 4)}
        row["test made for it"] = float((tests[column].astype(float) <= 0.05).mean())
        row["likelihood ratio"] = float((tests.p_value.astype(float) <= 0.05).mean())
        for statistic, values in spectra.items():
            low, high = np.quantile(spectral.setdefault(statistic, values), [0.025, 0.975])
            row[statistic] = float(((values < low) | (values > high)).mean())
        rows.append(row)
    return pd.DataFrame(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="what to measure")
    parser.add_argument("--matrices", type=int, default=200, help="matrices of each null law and size")
    parser.add_argument("--sizes", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--replicates", type=int, default=99)
    parser.add_argument("--power", type=int, default=40, help="matrices of each effect")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", help="folder for the tables as CSV")
    arguments = parser.parse_args()
    parts = {
        "sizes": lambda: pd.concat(
            sizes_of_tests(size, arguments.matrices, arguments.replicates, arguments.seed) for size in arguments.sizes
        ),
        "coverage": lambda: pd.concat(coverage(size, arguments.matrices, arguments.seed) for size in arguments.sizes),
        "power": lambda: pd.concat(
            power(name, size, arguments.power, arguments.seed)
            for name in EFFECTS
            for size in arguments.sizes
            if size >= 64
        ),
    }
    for part in arguments.parts:
        with threadpool_limits(1):
            table = parts[part]()
        if part == "sizes":
            print(f"Monte-Carlo error {table.error.iloc[0]:.4f}")
            print(table.pivot(index=["law", "test"], columns="size", values="share").to_string(), "\n")
        elif part == "coverage":
            print(table.pivot(index="parameter", columns="size", values="coverage").to_string(), "\n")
        else:
            print(table.to_string(index=False), "\n")
        if arguments.output:
            table.to_csv(f"{arguments.output}/one_matrix_{part}.csv", index=False)


if __name__ == "__main__":
    main()
