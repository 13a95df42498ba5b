"""Sizes of the tests of single Gaussian matrices, given their trivial components.

python benchmarks/given_trivial.py                                     (a minute: a small run)
python benchmarks/given_trivial.py --sizes 16 64 --matrices 400        (the full one)

Matrices of independent normal entries are fitted with `given_trivial=True`, compared with their fit, and tested for
Gaussianity. Columns: how many of the 348 cubic and quartic invariants are tests (the fit forces the others); how often
the p-values of `compare`, by Student's t, reject at 5%, on average over the invariants and for the worst of them; the
largest mean of z in size, and the range of its standard deviations; how often the global test rejects at 5% (that is
exact: what differs from 5% is chance).
"""

import argparse
import time

import numpy as np
import pandas as pd

from pigmm.fitting import PIGMM, compare, gaussianity_test
from pigmm.invariants import multigraphs


def sizes_of_tests(size, matrices, replicates):
    """One row of the table."""
    graphs = multigraphs(3) + multigraphs(4)
    rng, start = np.random.default_rng(size), time.perf_counter()
    z, p, together = [], [], []
    for number in range(matrices):
        matrix = rng.normal(size=(1, size, size)) + 0.05
        table = compare(PIGMM.fit(matrix, given_trivial=True), matrix, graphs, replicates=replicates, seed=number)
        tested = table.z.notna()
        z.append(table.z[tested])
        p.append(table.p_value[tested])
        test = gaussianity_test(matrix, given_trivial=True, replicates=replicates, seed=number)
        together.append(test.global_p_value)
    z, rejected = np.array(z), np.array(p) <= 0.05
    return {
        "size": size,
        "matrices": matrices,
        "tests": z.shape[1],
        "rejected": rejected.mean(),
        "rejected, worst": rejected.mean(axis=0).max(),
        "mean z, largest": np.abs(z.mean(axis=0)).max(),
        "sd of z, least": z.std(axis=0).min(),
        "sd of z, greatest": z.std(axis=0).max(),
        "rejected, global": np.mean(np.array(together) <= 0.05),
        "seconds": time.perf_counter() - start,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[16])
    parser.add_argument("--matrices", type=int, default=50)
    parser.add_argument("--replicates", type=int, default=99)
    options = parser.parse_args()
    rows = [sizes_of_tests(size, options.matrices, options.replicates) for size in options.sizes]
    print(pd.DataFrame(rows).round(3).to_string(index=False))
