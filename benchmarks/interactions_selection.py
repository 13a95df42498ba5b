"""Selection of couplings: false selections, planted couplings found, other ways to pick, and speed.

python benchmarks/interactions_selection.py                                     (a few minutes: a small run)
python benchmarks/interactions_selection.py --ensembles 500 --planted 50        (the full one: an hour)

Size: Gaussian ensembles, and ensembles with one coupling; the share in which a coupling too many is selected.
Planted: 1, 3 and 6 couplings; matrices are drawn by hybrid Monte Carlo with gradients that are written out here, from
exp(-|M|^2/2 + sum_g theta_g O_g). Each coupling has the stated effect: theta_g sqrt(n C), with C the variance of what
the residual of its graph has that those of the other planted ones have not; to first order |z| is this when all the
others have been found. For each way to pick: how many of the planted couplings are found (also if one that these data
cannot tell from it is taken), and how many others are picked.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import lars_path_gram

from pigmm.fitting import PIGMM, compare, select_interactions
from pigmm.fitting.interactions.selection.exact_covariances import residual_covariances
from pigmm.invariants import as_graph, multigraphs

GRAPHS = (*multigraphs(3), *multigraphs(4))
SIZE = 10
LEVEL = 0.05


def diagonal(vectors):
    """Diagonal matrices."""
    return vectors[..., None] * np.eye(vectors.shape[-1])


def powered_diagonal(m, power):
    return diagonal(np.diagonal(m, axis1=-2, axis2=-1) ** power)


# name or label -> (sign, value, gradient) of the planted invariants. The quartic terms are negative far away in every
# direction, so that these laws are normalisable.
PLANTED = {
    "tr (M M^T)^2": (-1, lambda m: np.square(m @ m.mT).sum((-2, -1)), lambda m: 4 * m @ m.mT @ m),
    "01 01 21 21": (
        -1,
        lambda m: np.square(np.square(m).sum(-2)).sum(-1),
        lambda m: 4 * m * np.square(m).sum(-2, keepdims=True),
    ),
    "sum M_ij^3": (+1, lambda m: (m**3).sum((-2, -1)), lambda m: 3 * m**2),
    "sum M_ij^4": (-1, lambda m: (m**4).sum((-2, -1)), lambda m: 4 * m**3),
    "tr M^3": (+1, lambda m: np.trace(m @ m @ m, axis1=-2, axis2=-1), lambda m: 3 * (m @ m).mT),
    "sum M_ii^3": (
        -1,
        lambda m: np.trace(powered_diagonal(m, 3), axis1=-2, axis2=-1),
        lambda m: 3 * powered_diagonal(m, 2),
    ),
}


def planted_couplings(names, effect, count):
    """theta of each name, of the stated effect on `count` matrices."""
    chosen = tuple(as_graph(name) for name in names)
    covariance = residual_covariances(PIGMM.iid(SIZE, variance=1.0), chosen)
    given_others = 1 / np.diag(np.linalg.inv(covariance))
    return {name: PLANTED[name][0] * effect / np.sqrt(count * c) for name, c in zip(names, given_others, strict=True)}


def simulated(couplings, count, seed, trajectories=25, leaps=8, step=0.18):
    """Independent matrices of a law with couplings, by hybrid Monte Carlo; and the share accepted."""
    rng = np.random.default_rng(seed)

    def energy(m):
        return np.square(m).sum((-2, -1)) / 2 - sum(t * PLANTED[name][1](m) for name, t in couplings.items())

    def slope(m):
        return m - sum(t * PLANTED[name][2](m) for name, t in couplings.items())

    m = rng.normal(size=(count, SIZE, SIZE))
    accepted = []
    for _ in range(trajectories):
        p = rng.normal(size=m.shape)
        start = energy(m) + np.square(p).sum((-2, -1)) / 2
        new, p = m, p - step / 2 * slope(m)
        for leap in range(leaps):
            new = new + step * p
            p = p - (step if leap < leaps - 1 else step / 2) * slope(new)
        end = energy(new) + np.square(p).sum((-2, -1)) / 2
        taken = np.log(rng.random(count)) < start - end
        accepted.append(taken.mean())
        m = np.where(taken[:, None, None], new, m)
    return m, np.mean(accepted)


def false_selections(planted, effect, count, ensembles, seed):
    """A row: how often more couplings than the planted one are selected."""
    couplings = planted_couplings([planted], effect, count) if planted else {}
    more, missed, errors = 0, 0, []
    population, _ = simulated(couplings, ensembles * count, seed) if couplings else (None, 1)
    wanted = {as_graph(name).label: theta for name, theta in couplings.items()}
    for number in range(ensembles):
        if couplings:
            matrices = population[number * count : (number + 1) * count]
        else:
            matrices = np.random.default_rng([seed, number]).normal(size=(count, SIZE, SIZE))
        table = select_interactions(matrices, seed=number)
        found = set(table.graph)
        missed += len(set(wanted) - found)
        more += len(table) > len(wanted)
        right = table[table.graph.isin(wanted)]
        errors += [(row.coupling - wanted[row.graph]) / row.standard_error for row in right.itertuples()]
    row = {
        "planted": planted or "none",
        "effect": effect,
        "matrices": count,
        "ensembles": ensembles,
        "too many": more / ensembles,
        "missed": missed / ensembles,
        "within 1.96 errors": np.mean(np.abs(errors) < 1.96) if errors else np.nan,
    }
    print(row, flush=True)
    return row


def by_selection(matrices, seed):
    table = select_interactions(matrices, seed=seed)
    return [{row.graph, *filter(None, row.one_of_these.split(" | "))} for row in table.itertuples()]


def by_z(matrices, seed):
    """All graphs beyond the Bonferroni bound, by the asymptotic p-values of `compare`."""
    table = compare(PIGMM.fit(matrices), matrices, GRAPHS)
    return [{label} for label in table.graph[table.p_value < LEVEL / len(GRAPHS)]]


def by_lasso(matrices, seed):
    """The lasso on the same score: theta C theta / 2 - theta r, standardised, the penalty at the familywise bound."""
    centred = matrices - PIGMM.fit(matrices).mean
    model = PIGMM.fit(centred)
    table = compare(model, centred, GRAPHS)
    covariance = residual_covariances(model, GRAPHS)
    units = np.sqrt(np.diag(covariance))
    residuals = (table.measured - table.predicted).to_numpy() / units
    bound = 3.9 / np.sqrt(len(matrices))  # the 95% point of the largest |z| of Gaussian ensembles
    _, active, path = lars_path_gram(
        residuals, covariance / np.outer(units, units), n_samples=1, method="lasso", alpha_min=bound
    )
    return [{GRAPHS[column].label} for column in active if path[column, -1]]


def planted_found(number_planted, effect, ensembles, count, seed):
    """Rows: planted couplings found, and others picked, by each way."""
    names = list(PLANTED)[:number_planted]
    couplings = planted_couplings(names, effect, count)
    population, accepted = simulated(couplings, ensembles * count, seed)
    wanted = {as_graph(name).label for name in names}
    rows = []
    for way in (by_selection, by_lasso, by_z):
        found, others, exact = [], [], 0
        for number in range(ensembles):
            picked = way(population[number * count : (number + 1) * count], number)
            hit = {label for group in picked for label in group} & wanted
            found.append(len(hit) / len(wanted))
            others.append(sum(not group & wanted for group in picked))
            exact += len(hit) == len(wanted) and others[-1] == 0
        rows.append(
            {
                "planted": number_planted,
                "effect": effect,
                "matrices": count,
                "ensembles": ensembles,
                "accepted": accepted,
                "way": way.__name__.removeprefix("by_"),
                "found": np.mean(found),
                "others": np.mean(others),
                "all and no other": exact / ensembles,
            }
        )
        print(rows[-1], flush=True)
    return rows


def write(name, rows, folder):
    """Print a table, and write it as CSV if there is a folder."""
    table = pd.DataFrame(rows)
    print(table.round(3).to_string(index=False))
    if folder:
        table.round(4).to_csv(folder / f"selection_{name}.csv", index=False)


def main():
    """Print the tables, and write them as CSV."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ensembles", type=int, default=20, help="of each row of sizes")
    parser.add_argument("--planted", type=int, default=4, help="ensembles of each row of planted couplings")
    parser.add_argument("--parts", nargs="+", default=["speed", "size", "planted"])
    parser.add_argument("--output", type=Path, help="folder for the CSV tables")
    options = parser.parse_args()
    if "speed" in options.parts:
        matrices = PIGMM.iid(SIZE, variance=1.0).sample(1000, seed=0)
        for what in ("first", "second"):
            start = time.process_time()
            select_interactions(matrices)
            print(f"348 candidates, 1000 matrices, {what} call: {time.process_time() - start:.2f} s of processor")
    if "size" in options.parts:
        settings = [(None, 0, 1000), ("tr (M M^T)^2", 8, 1000), (None, 0, 100), ("tr (M M^T)^2", 20, 1000)]
        rows = [false_selections(*setting, options.ensembles, seed) for seed, setting in enumerate(settings, 10)]
        write("size", rows, options.output)
    if "planted" in options.parts:
        settings = [(number, effect) for number in (1, 3, 6) for effect in (5, 8, 12)]
        rows = [planted_found(*setting, options.planted, 1000, seed) for seed, setting in enumerate(settings, 20)]
        write("planted", [row for part in rows for row in part], options.output)


if __name__ == "__main__":
    main()
