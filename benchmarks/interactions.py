"""Score matching of couplings and sampling with them: coverage of intervals, and processor time.

python benchmarks/interactions.py                          (half a minute: a small run)
python benchmarks/interactions.py --ensembles 600 --matrices 300 1000 3000 --output coverage.csv     (the full one)

Coverage: ensembles are drawn exactly, by no Markov chain, from densities with known couplings, fitted with these and
with couplings that are zero, and nominal 95% intervals (estimate +- 1.96 standard errors) are counted that hold the
truth. The laws, for N x N matrices:

- entries: independent entries of density exp(-x^2/2 - 0.15 x^4), by rejection from the normal law;
- radial: exp(-|M|^2/2 - 0.02 |M|^4), a random direction and a radius by the inverse of its distribution function;
- singular: exp(-|M|^2/2 - 0.05 tr (M M^T)^2), by rejection from matrices of independent normal entries.

Time: score matching with the 13 linear and quadratic graphs and the 52 cubic ones, on 1000 matrices of size 10, in a
fresh process (the graphs of K and b are made) and again; 10,000 draws of a 10 x 10 model with six couplings.
"""

import argparse
import time

import numpy as np
import pandas as pd

from pigmm.fitting import PIGMM, InteractingModel
from pigmm.invariants import multigraphs, statistics_graphs

COUPLINGS = ("01 01 01 01", "01 02 31 32", "01 01 23 23", "01 01 01", "01 01 21 21", "01 12 20")


def entries(count, size, rng):
    """Independent entries of density proportional to exp(-x^2/2 - 0.15 x^4)."""
    needed, kept = count * size * size, np.empty(0)
    while len(kept) < needed:
        drawn = rng.standard_normal(needed)
        kept = np.append(kept, drawn[rng.random(needed) < np.exp(-0.15 * drawn**4)])
    return kept[:needed].reshape(count, size, size)


def radial(count, size, rng):
    """A density of |M| alone, proportional to exp(-|M|^2/2 - 0.02 |M|^4)."""
    radii = np.linspace(0, 2 * size, 200_001)[1:]
    logarithm = (size * size - 1) * np.log(radii) - radii**2 / 2 - 0.02 * radii**4
    cumulated = np.cumsum(np.exp(logarithm - logarithm.max()))
    radius = np.interp(rng.random(count), cumulated / cumulated[-1], radii)
    directions = rng.standard_normal((count, size, size))
    return directions * (radius / np.linalg.norm(directions, axis=(1, 2)))[:, None, None]


def singular(count, size, rng, coupling=0.05):
    """Proportional to exp(-|M|^2/2 - g tr (M M^T)^2): normal matrices of variance s^2 below one are kept.

    With u = |M|^2, tr (M M^T)^2 >= u^2 / N bounds the ratio of the densities: exp(a u - g u^2 / N) is largest at
    u = a N / 2 g, where a = (1/s^2 - 1) / 2.
    """
    variance = 0.6
    a = (1 / variance - 1) / 2
    bound = a * a * size / (4 * coupling)
    kept = np.empty((0, size, size))
    while len(kept) < count:
        drawn = np.sqrt(variance) * rng.standard_normal((4 * count, size, size))
        gram = drawn @ drawn.swapaxes(1, 2)
        exponent = a * np.trace(gram, axis1=1, axis2=2) - coupling * np.square(gram).sum(axis=(1, 2)) - bound
        kept = np.concatenate([kept, drawn[np.log(rng.random(len(drawn))) < exponent]])
    return kept[:count]


# Each law: how it is drawn, and the coefficients in its log p that are not zero.
LAWS = {
    "entries": (entries, {"01 01": -0.5, "01 01 01 01": -0.15}),
    "radial": (radial, {"01 01": -0.5, "01 01 23 23": -0.02}),
    "singular": (singular, {"01 01": -0.5, "01 02 31 32": -0.05}),
}


def coverage(ensembles, matrices, size=4, seed=0):
    """A row a law and coefficient: how often its interval holds the truth, and mean and spread of its z."""
    graphs = COUPLINGS[:4]
    labels = [graph.label for graph in statistics_graphs()] + list(graphs)
    rows = []
    for law, (draw, truth) in LAWS.items():
        rng, expected = np.random.default_rng(seed), np.array([truth.get(label, 0.0) for label in labels])
        z = np.empty((ensembles, len(labels)))
        for k in range(ensembles):
            model = InteractingModel.fit(draw(matrices, size, rng), graphs)
            z[k] = (model.natural - expected) / np.sqrt(np.diag(model.covariance))
        for number, label in enumerate(labels):
            rows.append(
                {
                    "law": law,
                    "size": size,
                    "matrices": matrices,
                    "ensembles": ensembles,
                    "graph": label,
                    "truth": expected[number],
                    "coverage": np.mean(np.abs(z[:, number]) < 1.959964),
                    "mean_z": z[:, number].mean(),
                    "sd_z": z[:, number].std(),
                }
            )
    return pd.DataFrame(rows)


def seconds(run):
    """Processor time of a call, and its result."""
    start = time.process_time()
    result = run()
    return time.process_time() - start, result


def timings():
    """A table of processor times."""
    matrices = entries(1000, 10, np.random.default_rng(0))
    first, _ = seconds(lambda: InteractingModel.fit(matrices, multigraphs(3)))
    again, _ = seconds(lambda: InteractingModel.fit(matrices, multigraphs(3)))
    theta = [-0.02, -0.002, -0.0002, 0.01, -0.003, 0.002]
    model = InteractingModel.of_couplings(PIGMM.iid(10, variance=1.0), dict(zip(COUPLINGS, theta, strict=True)))
    drawn, chains = seconds(lambda: model.sample_chains(10_000, seed=0))
    least, largest = chains.effective_sizes.min(), chains.r_hat.max()
    return pd.DataFrame(
        [
            ("score matching, 52 + 13 graphs, 1000 x 10 x 10, first", first, ""),
            ("the same again", again, ""),
            ("10,000 draws, 10 x 10, 6 couplings", drawn, f"R-hat {largest:.3f}, least effective size {least:.0f}"),
        ],
        columns=["task", "seconds", "note"],
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ensembles", type=int, default=100)
    parser.add_argument("--matrices", type=int, nargs="+", default=[1000])
    parser.add_argument("--output", help="a CSV file for the coverage")
    options = parser.parse_args()
    print(timings().to_string(index=False))
    table = pd.concat([coverage(options.ensembles, count) for count in options.matrices], ignore_index=True)
    of_couplings = table[table.graph.isin(COUPLINGS)]
    print(of_couplings.round(3).to_string(index=False))
    print(table.groupby(["law", "matrices"]).coverage.agg(["mean", "min", "max"]).round(4))
    if options.output:
        table.round(5).to_csv(options.output, index=False)
