"""Which couplings the layers of finished runs have: the tables of the page on interactions.

    .venv/bin/python docs/record_interactions.py RUN...

writes to docs/data/interactions/
- selection.csv, a row for each coupling of each run, square layer and epoch (after one epoch, five, and the last), with
  the columns of `select_interactions`,
- summary.csv, a row for each of these selections,
- predictions.csv: invariants of degree 5 and 6, which are not fitted, at the last epoch against the Gaussian and to
  first order in the couplings, a row for each layer and degree.
Networks of a final test accuracy below 0.9 are left out: units have died in them, and a few weights are large.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pigmm.fitting import PIGMM, InteractingModel, compare, select_interactions
from pigmm.invariants import Multigraph, multigraphs
from pigmm.training import open_ensemble

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


def higher_invariants() -> list[Multigraph]:
    """The connected invariants of degree 5 and 6 of matrices whose rows and columns may be permuted apart."""
    graphs = multigraphs([5, 6], connected=True)
    return [graph for graph in graphs if is_bipartite(graph.label)]


def predictions(matrices: NDArray[np.float64], couplings: list[str]) -> pd.DataFrame:
    """Root mean square of measured minus predicted over its standard error, by degree, without and with couplings."""
    graphs = higher_invariants()
    gaussian = compare(PIGMM.fit(matrices), matrices, graphs)
    model = InteractingModel.fit(matrices, couplings)
    predicted = model.predictions(graphs, "first order simulated", count=200_000)
    errors = np.hypot(gaussian.standard_error, predicted.standard_error)
    both = pd.DataFrame(
        {
            "degree": gaussian.degree,
            "gaussian": gaussian.z**2,
            "first_order": ((gaussian.measured - predicted.predicted) / errors) ** 2,
        }
    )
    table = np.sqrt(both.groupby("degree").mean()).reset_index()
    return table.assign(invariants=both.groupby("degree").size().to_numpy(), normalisable=model.is_normalisable)


def four_digits(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its numbers to four digits."""
    return table.map(lambda value: float(f"{value:.4g}") if isinstance(value, float) else value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--steps", type=int, default=20, help="couplings at most")
    parser.add_argument("--accuracy", type=float, default=0.9, help="final test accuracy of the networks that count")
    options = parser.parse_args()
    steps, summaries, higher = [], [], []
    for run in options.runs:
        ensemble = open_ensemble(run / "ensemble.zarr")
        trained = ensemble.test_accuracy.isel(epoch=-1).to_numpy() >= options.accuracy
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
                if epoch == last and len(found):
                    higher.append(predictions(matrices, found.graph.tolist()).assign(**place))
                    four_digits(pd.concat(higher)).to_csv(FOLDER / "predictions.csv", index=False)


if __name__ == "__main__":
    main()
