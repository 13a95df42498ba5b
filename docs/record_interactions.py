"""Which couplings the layers of finished runs have: the tables of the page on interactions.

    .venv/bin/python docs/record_interactions.py RUN...

writes to docs/data/interactions/
- selection.csv, a row for each coupling of each run, square layer and epoch (after one epoch, five, and the last), with
  the columns of `select_interactions`,
- summary.csv, a row for each of these selections,
- held_out_models.csv: models of every kind at the last epoch, a row for each layer and model; couplings are selected on
  half of the networks, and all models are compared on the other half,
- predictions.csv: invariants of degree 5 and 6, which are not fitted, at the last epoch against the Gaussian and to
  first order in the couplings, a row for each layer and degree.
Networks of a final test accuracy below 0.9 are left out: units have died in them, and a few weights are large.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from pigmm.fitting import PIGMM, InteractingModel, compare, held_out_models, select_interactions
from pigmm.fitting.interactions.selection.candidates import has_symmetry
from pigmm.invariants import Multigraph, as_graph, multigraphs
from pigmm.studies.plots.style import GREY, PALETTE, as_svg, in_house_style
from pigmm.training import open_ensemble

EPOCHS = (1, 5)  # and the last
FOLDER = Path(__file__).parent / "data" / "interactions"
FIGURE = Path(__file__).parent / "figures" / "interactions" / "selection.svg"
ATTRIBUTES = (
    "matrices",
    "root_mean_square_z",
    "p_value_of_rest",
    "next_graph",
    "next_z",
    "next_familywise_p",
    "stopped",
)


def higher_invariants() -> list[Multigraph]:
    """The connected invariants of degree 5 and 6 of matrices whose rows and columns may be permuted apart."""
    graphs = (graph for degree in (5, 6) for graph in multigraphs(degree, connected=True))
    return [graph for graph in graphs if has_symmetry(graph, "S_N x S_N")]


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


def every_kind(matrices: NDArray[np.float64], steps: int) -> pd.DataFrame:
    """Models of every kind on one half of the matrices, with couplings that were selected on the other half."""
    first, second = matrices[::2], matrices[1::2]
    found = select_interactions(first, steps=steps)
    table = held_out_models(second, found.graph.tolist() if len(found) else None).reset_index()
    return table.assign(couplings=len(found))


@in_house_style
def plot_paths(selection: pd.DataFrame, summary: pd.DataFrame) -> Figure:
    """What is left of the 348 invariants after each coupling at the last epoch: a panel a layer, a line a run."""
    layers, runs = sorted(summary.layer.unique()), list(summary.run.unique())
    figure = Figure(figsize=(2.6 * len(layers) + 1, 2.9))
    grid = figure.subplots(1, len(layers), sharey=True, squeeze=False)[0]
    for axes, layer in zip(grid, layers, strict=True):
        for run, colour in zip(runs, PALETTE, strict=False):
            chosen = (summary.run == run) & (summary.layer == layer) & (summary.epoch == summary.epoch.max())
            before = summary[chosen].root_mean_square_z
            own = selection[
                (selection.run == run) & (selection.layer == layer) & (selection.epoch == summary.epoch.max())
            ]
            left = [*before, *own.root_mean_square_z]
            axes.plot(range(len(left)), left, marker="o", markersize=3, color=colour, label=run)
        axes.axhline(1, color=GREY, linestyle="--", linewidth=1)
        axes.set_title(f"layer {layer}")
        axes.set_yscale("log")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    grid[0].set_ylabel("root mean square z")
    grid[0].legend(fontsize=7)
    figure.supxlabel("couplings selected", fontsize=9)
    return figure


def four_digits(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its numbers to four digits."""
    return table.map(lambda value: float(f"{value:.4g}") if isinstance(value, float) else value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--steps", type=int, default=20, help="couplings at most")
    parser.add_argument("--accuracy", type=float, default=0.9, help="final test accuracy of the networks that count")
    options = parser.parse_args()
    steps, summaries, kinds, higher = [], [], [], []
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
                table["bipartite"] = [has_symmetry(as_graph(label), "S_N x S_N") for label in table.graph]
                steps.append(table)
                left = float(found.root_mean_square_z.iloc[-1]) if len(found) else found.attrs["root_mean_square_z"]
                own = {key: found.attrs[key] for key in ATTRIBUTES}
                summaries.append(place | {"couplings": len(found), "root_mean_square_z_left": left} | own)
                print(pd.DataFrame(summaries[-1:]).to_string(header=len(summaries) == 1, index=False), flush=True)
                FOLDER.mkdir(parents=True, exist_ok=True)
                four_digits(pd.concat(steps)).to_csv(FOLDER / "selection.csv", index=False)
                four_digits(pd.DataFrame(summaries)).to_csv(FOLDER / "summary.csv", index=False)
                if epoch == last:
                    kinds.append(every_kind(matrices, options.steps).assign(**place))
                    four_digits(pd.concat(kinds)).to_csv(FOLDER / "held_out_models.csv", index=False)
                if epoch == last and len(found):
                    higher.append(predictions(matrices, found.graph.tolist()).assign(**place))
                    four_digits(pd.concat(higher)).to_csv(FOLDER / "predictions.csv", index=False)
    figure = plot_paths(pd.concat(steps), pd.DataFrame(summaries))
    FIGURE.parent.mkdir(parents=True, exist_ok=True)
    FIGURE.write_bytes(as_svg(figure))


if __name__ == "__main__":
    main()
