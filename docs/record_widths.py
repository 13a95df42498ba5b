"""Departures from the fitted model by width and step, of the RUN folders of a width study whose matrix is layer 1.

    .venv/bin/python docs/record_widths.py RUN...

writes docs/data/paper-width/departures.csv. A wide layer's whole report takes long; this takes a minute.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from pigmm.fitting import PIGMM, compare, wasserstein_distance
from pigmm.invariants import multigraphs
from pigmm.studies.analysis.through_training.published_invariants import papers_choice
from pigmm.training import open_ensemble

STEPS = (0, 1, 4, 16, 64, 256)  # and the last one
FILE = Path(__file__).parent / "data" / "paper-width" / "departures.csv"


def rows(run: Path) -> list[dict[str, float]]:
    """A row for each of the steps: deviations in spreads of one network, |z|, and the distance in initial norms."""
    ensemble = open_ensemble(run / "ensemble.zarr")
    steps = ensemble.step.to_numpy()
    found = []
    for place in [int(np.flatnonzero(steps == step)[0]) for step in (*STEPS, steps[-1])]:
        snapshot = ensemble.isel(epoch=place)
        matrices = snapshot.weight_1.to_numpy()
        count, width, _ = matrices.shape
        model = PIGMM.fit(matrices)
        table = compare(model, matrices, multigraphs(3) + multigraphs(4))
        initial = PIGMM.iid(width, variance=1 / width)
        found.append(
            {
                "width": width,
                "networks": count,
                "step": int(steps[place]),
                "test_accuracy": float(snapshot.test_accuracy.mean()),
                "median_deviation": table.deviation.median(),
                "largest_deviation": table.deviation.max(),
                "largest_deviation_of_the_39": papers_choice(table).deviation.max(),
                "largest_z": table.z.abs().max(),
                "significant": int((table.q_value <= 0.05).sum()),
                "wasserstein_over_initial_norm": wasserstein_distance(model, initial) / np.sqrt(width),
            }
        )
    return found


if __name__ == "__main__":
    table = pd.DataFrame([row for run in sys.argv[1:] for row in rows(Path(run))])
    FILE.parent.mkdir(parents=True, exist_ok=True)
    table.map(lambda value: float(f"{value:.4g}")).to_csv(FILE, index=False)
    print(table.to_string(index=False))
