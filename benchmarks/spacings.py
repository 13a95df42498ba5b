"""Size and power of the test of local statistics against GOE: mixtures with independent levels, and deformed GOE.

python benchmarks/spacings.py                       (some minutes of processor time)
python benchmarks/spacings.py --sets 50             (a quick look)

Each set is `--spectra` spectra of `--levels` levels, tested at 5% by `local_statistics_test` against GOE. Alternatives:

- poisson: so large a share of the levels is independent of all others;
- blocks: the spectrum is that of so many independent GOE blocks of equal size;
- deformed: a GOE matrix of unit variance and a random diagonal of so large a standard deviation, in units of the
  spacing of the entries' law, N^(-1/2): one is of the order of an entry of the matrix;
- sparse: a symmetric matrix with so many entries a row, normal, the others zero.
"""

import argparse

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from pigmm.spectra import GOE, local_statistics_test


def symmetric(levels, rng):
    """A GOE matrix whose eigenvalues fill [-2, 2]."""
    entries = rng.normal(size=(levels, levels))
    return (entries + entries.T) / np.sqrt(2 * levels)


def poisson(share, levels, rng):
    """Some levels independent of the others."""
    independent = round(share * levels)
    return np.concatenate([GOE.spectrum(levels - independent, rng), rng.uniform(-2, 2, size=independent)])


def blocks(count, levels, rng):
    """Independent blocks of one size."""
    return np.concatenate([GOE.spectrum(levels // count, rng) for _ in range(count)])


def deformed(strength, levels, rng):
    """A random diagonal added."""
    diagonal = strength * rng.normal(size=levels) / np.sqrt(levels)
    return np.linalg.eigvalsh(symmetric(levels, rng) + np.diag(diagonal))


def sparse(entries, levels, rng):
    """A few normal entries a row."""
    kept = np.triu(rng.random((levels, levels)) < entries / levels)
    values = np.where(kept, rng.normal(size=(levels, levels)), 0)
    return np.linalg.eigvalsh(values + values.T + 1e-6 * symmetric(levels, rng))


CASES = [
    ("none", 0, lambda _, levels, rng: GOE.spectrum(levels, rng)),
    *(("poisson", share, poisson) for share in (0.02, 0.05, 0.1, 0.2)),
    *(("blocks", count, blocks) for count in (2, 4)),
    *(("deformed", strength, deformed) for strength in (1.0, 5.0, 10.0, 20.0, 40.0)),
    *(("sparse", entries, sparse) for entries in (16, 4, 2)),
]


def row(name, strength, draw, options, number):
    """Shares of sets that are rejected."""
    rng = np.random.default_rng([options.seed, number])
    found = []
    for _ in range(options.sets):
        spectra = [draw(strength, options.levels, rng) for _ in range(options.spectra)]
        test = local_statistics_test(spectra, replicates=options.replicates)
        found.append({"p_mean": test.p_mean, "p_distance": test.p_distance, "p_value": test.p_value,
                      "mean_ratio": test.mean_ratio})  # fmt: skip
    table = pd.DataFrame(found)
    return {
        "alternative": name,
        "of size": strength,
        "mean ratio": table.mean_ratio.mean(),
        "by the mean": (table.p_mean <= 0.05).mean(),
        "by the distance": (table.p_distance <= 0.05).mean(),
        "by both": (table.p_value <= 0.05).mean(),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=400)
    parser.add_argument("--spectra", type=int, default=8)
    parser.add_argument("--levels", type=int, default=100)
    parser.add_argument("--replicates", type=int, default=399)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with threadpool_limits(1):
        for number, case in enumerate(CASES):
            found = row(*case, options, number)
            if not number:
                print("| " + " | ".join(found) + " |\n|" + "---|" * len(found))
            cells = [f"{value:.3g}" if isinstance(value, float) else str(value) for value in found.values()]
            print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
