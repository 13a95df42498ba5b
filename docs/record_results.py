"""Copy what the page on the reproduction shows of finished runs: small tables, and the figures.

    .venv/bin/pigmm compare RUN... --output COMPARISON
    .venv/bin/python docs/record_results.py COMPARISON NAME RUN...

writes docs/data/NAME/*.csv, a row for each run, layer and a few epochs, and docs/figures/NAME/*.svg.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pandas as pd

EPOCHS = (0, 1, 5, 20)  # and the last one of each run
COMPARED = ("accuracy", "distances", "median_deviations", "significance")
#: Tables of a run with the columns that are kept; further figures of the first run.
TABLES = {
    "interior_parameters": ["layer", "epoch", "parameter", "relative", "relative_error"],
    "symmetrised_comparison": [
        "layer",
        "epoch",
        "invariants",
        "tested",
        "significant",
        "largest_absolute_z",
        "error_ratio",
    ],
    "symmetry": ["layer", "epoch", "parameter", "minus", "z"],
    "nested_models": ["layer", "epoch", "symmetry", "p_wald", "p_randomisation"],
    "gaussianity": ["layer", "epoch", "replicates", "global_p_value"],
    "class_tests": ["layer", "epoch", "f_means", "p_means", "share", "share_error"],
    "active_units": ["layer", "epoch", "chosen", "networks", "columns", "variance", "largest_z", "median_z"],
}
OWN = ("dead_units", "symmetrised_comparison", "output_classes", "interior_parameters_10x10")
ROOT = Path(__file__).parent


def kept(table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """All networks, a few epochs, four digits."""
    if "subset" in table:
        table = table[table.subset == "all"]
    table = table[table.epoch.isin([*EPOCHS, table.epoch.max()])]
    return table[columns].map(lambda value: float(f"{value:.4g}") if isinstance(value, float) else value)


def dead(run: Path) -> pd.DataFrame:
    """Mean number of dead units by epoch and layer."""
    units = pd.read_csv(run / "tables" / "units.csv")
    return units.groupby(["epoch", "layer"], as_index=False)[["units", "dead"]].mean()


def main(comparison: Path, name: str, runs: list[Path]) -> None:
    data, figures = ROOT / "data" / name, ROOT / "figures" / name
    for folder in (data, figures):
        folder.mkdir(parents=True, exist_ok=True)
    for table in ("summary", "verdicts"):
        shutil.copy(comparison / "tables" / f"{table}.csv", data)
    for figure in COMPARED:
        shutil.copy(comparison / "figures" / f"{figure}.svg", figures)
    for figure in OWN:
        if (file := runs[0] / "figures" / f"{figure}.svg").exists():
            shutil.copy(file, figures)
    found = {
        table: {
            run.name: kept(pd.read_csv(file), columns)
            for run in runs
            if (file := run / "tables" / f"{table}.csv").exists()
        }
        for table, columns in TABLES.items()
    }
    found["dead_units"] = {run.name: dead(run) for run in runs if (run / "tables" / "units.csv").exists()}
    for table, parts in found.items():
        if parts:
            labelled = pd.concat(parts, names=["run"]).reset_index("run")
            labelled.to_csv(data / f"{table}.csv", index=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], [Path(run) for run in sys.argv[3:]])
