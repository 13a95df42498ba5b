"""How many matrices it takes to see that they are not Gaussian, beside what the paper's deviation shows.

python benchmarks/power.py                                                       (a minute: a small run)
python benchmarks/power.py --ensembles 400 --matrices 50 100 200 500 1000 2000   (the full one)

Ensembles of N x N matrices that are not Gaussian are fitted and compared. Critical values at 5% are of ensembles drawn
from the fits, refitted and compared, pooled over the ensembles (as in calibration.py). Alternatives:

- student: independent entries, Student's t with 5 degrees of freedom;
- mixture: each matrix from one of two generic models, in equal parts;
- quartic: independent entries of density exp(-x^2/2 - g x^4), drawn exactly by rejection from the normal law.

Columns: share of ensembles rejected by max |z|, by mean z^2 and by the global test; graphs found (q <= 0.05 by the
p-values of `compare`), on average; and of the paper's deviation |predicted - measured| / sd of one matrix
(arXiv:2510.05218): its median over graphs, that of Gaussian matrices, and the share of graphs above the 95% point of
Gaussian ones. The deviation has no null law of its own: its size falls with the number of matrices either way.
"""

import argparse
import os
import time

import numpy as np
import pandas as pd
from calibration import GRAPHS, fit_and_compare, generic_model, global_statistics, in_threads
from scipy.stats import t

from pigmm.fitting.tests_of_models.multiple_testing import q_values


def student(count, size, rng):
    """Independent entries of Student's t with 5 degrees of freedom."""
    return rng.standard_t(5, size=(count, size, size)) * np.sqrt(3 / 5)


def mixture(count, size, rng):
    """Each matrix from one of two models with generic parameters, whose law is far from one Gaussian's."""
    first = rng.random(count) < 0.5
    both = [generic_model(size, seed).sample(count, rng) for seed in (1, 2)]
    return np.where(first[:, None, None], *both)


def quartic(count, size, rng, coupling=0.02):
    """Independent entries of density proportional to exp(-x^2/2 - g x^4): normal ones, kept with exp(-g x^4)."""
    entries = count * size * size
    kept = np.empty(0)
    while len(kept) < entries:
        drawn = rng.standard_normal(entries)
        kept = np.append(kept, drawn[rng.random(entries) < np.exp(-coupling * drawn**4)])
    return kept[:entries].reshape(count, size, size)


ALTERNATIVES = {"student": student, "mixture": mixture, "quartic": quartic}


def power(name, size, count, ensembles, seed):
    """One row of the table."""

    def run(number):
        rng = np.random.default_rng([seed, size, count, number])
        fit, z, deviation = fit_and_compare(ALTERNATIVES[name](count, size, rng))
        _, null_z, null_deviation = fit_and_compare(fit.sample(count, rng))
        return z, deviation, null_z, null_deviation

    results = in_threads(run, range(ensembles), f"{name}, n={count}")
    z, deviation, null_z, null_deviation = (np.array(column) for column in zip(*results, strict=True))
    row = {"alternative": name, "size": size, "matrices": count}
    for statistic, (seen, null) in global_statistics(z, null_z).items():
        sign = -1 if statistic == "global test" else 1  # this one is a p-value
        row[statistic] = (sign * seen > np.quantile(sign * null, 0.95)).mean()
    found = [(q_values(line) <= 0.05).sum() for line in 2 * t.sf(np.abs(z), count - 1)]
    band = np.quantile(null_deviation, 0.95, axis=0)
    return row | {
        "graphs found": np.mean(found),
        "deviation": np.median(deviation),
        "deviation, Gaussian": np.median(null_deviation),
        "above its band": (deviation > band).mean(),
        "graphs": len(GRAPHS),
    }


def main():
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ensembles", type=int, default=50)
    parser.add_argument("--size", type=int, default=10)
    parser.add_argument("--matrices", type=int, nargs="+", default=[50, 100, 200])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", default="build/power.csv")
    options = parser.parse_args()
    start = time.perf_counter()
    cells = [(name, options.size, count) for name in ALTERNATIVES for count in options.matrices]
    table = pd.DataFrame([power(*cell, options.ensembles, options.seed) for cell in cells])
    os.makedirs(os.path.dirname(options.output) or ".", exist_ok=True)
    table.to_csv(options.output, index=False)
    print(table.round(3).to_string(index=False))
    print(f"{options.ensembles} ensembles a row, {time.perf_counter() - start:.0f} s: {options.output}")


if __name__ == "__main__":
    main()
