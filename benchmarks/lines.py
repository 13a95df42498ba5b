"""Level and coverage of lines through means whose errors are estimated from few batches.

python benchmarks/lines.py                    (half a minute)

Five points with unequal errors, as the batch sizes of a loss surface have; a simulated fit is rejected if the goodness
of fit has p < 5%, and covers if the 95% interval of the slope holds the true one.
"""

import argparse

import numpy as np

from pigmm.spectra.batches.line import fit_line

X = 1 / np.array([8.0, 16.0, 32.0, 64.0, 128.0])
SPREAD = np.array([4.0, 3.0, 2.0, 1.0, 0.7])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fits", type=int, default=4000)
    parser.add_argument("--batches", type=int, nargs="*", default=[4, 6, 10])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print("| batches of each size | rejected at 5% | slope covered by 95% |\n|---|---|---|")
    for batches in options.batches:
        rng = np.random.default_rng([options.seed, batches])
        rejected = covered = 0
        for _ in range(options.fits):
            draws = 1 + 2 * X + SPREAD * rng.normal(size=(batches, len(X)))
            errors = draws.std(axis=0, ddof=1) / np.sqrt(batches)
            line = fit_line(X, draws.mean(axis=0), errors, np.full(len(X), batches))
            rejected += line.p_value < 0.05
            covered += line.slope.low < 2 < line.slope.high
        print(f"| {batches} | {rejected / options.fits:.1%} | {covered / options.fits:.1%} |", flush=True)


if __name__ == "__main__":
    main()
