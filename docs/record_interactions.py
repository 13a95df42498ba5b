"""Which couplings the layers of finished runs have: the tables of the page on interactions.

    .venv/bin/python docs/record_interactions.py RUN...

writes docs/data/interactions/selection.csv, a row for each coupling of each run, square layer and epoch (after one
epoch, five, and the last), and docs/data/interactions/summary.csv, a row for each of these.
Networks that learnt nothing are left out. The columns are those of `select_interactions`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from pigmm.fitting import select_interactions
from pigmm.training import open_ensemble, untrained

EPOCHS = (1, 5)  # and the last
FOLDER = Path(__file__).parent / "data" / "interactions"
ATTRIBUTES = (
    "matrices",
    "root_mean_square_z",
    "p_value_of_rest",
    "next_graph",
    "next_z",
    "next_familywise_p",
    "stopped",
)


def is_bipartite(label: str) -> bool:
    """Whether no node is both the row and the column of an entry, so that rows and columns may be permuted apart."""
    arcs = [(arc[0], arc[1]) for arc in label.split()]
    return not {tail for tail, _ in arcs} & {head for _, head in arcs}


def four_digits(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its numbers to four digits."""
    return table.map(lambda value: float(f"{value:.4g}") if isinstance(value, float) else value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--steps", type=int, default=20, help="couplings at most")
    options = parser.parse_args()
    steps, summaries = [], []
    for run in options.runs:
        ensemble = open_ensemble(run / "ensemble.zarr")
        trained = ~untrained(ensemble).to_numpy()
        last = float(ensemble.epoch[-1])
        for name in (name for name in ensemble.data_vars if name.startswith("weight_")):
            if len(set(ensemble[name].shape[-2:])) > 1:
                continue
            for epoch in (*EPOCHS, last):
                matrices = ensemble[name].sel(epoch=epoch).to_numpy()[trained].astype(np.float64)
                found = select_interactions(matrices, steps=options.steps)
                place = {"run": run.name, "layer": int(name.removeprefix("weight_")), "epoch": int(epoch)}
                table = found.drop(columns=["one_of_these"]).assign(**place)
                table["bipartite"] = [is_bipartite(label) for label in table.graph]
                steps.append(table)
                left = float(found.root_mean_square_z.iloc[-1]) if len(found) else found.attrs["root_mean_square_z"]
                own = {key: found.attrs[key] for key in ATTRIBUTES}
                summaries.append(place | {"couplings": len(found), "root_mean_square_z_left": left} | own)
                print(pd.DataFrame(summaries[-1:]).to_string(header=len(summaries) == 1, index=False), flush=True)
                FOLDER.mkdir(parents=True, exist_ok=True)
                four_digits(pd.concat(steps)).to_csv(FOLDER / "selection.csv", index=False)
                four_digits(pd.DataFrame(summaries)).to_csv(FOLDER / "summary.csv", index=False)


if __name__ == "__main__":
    main()
