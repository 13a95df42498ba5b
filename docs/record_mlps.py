"""Train the control of docs/networks.md and analyse it: `python docs/record_mlps.py` (two minutes on two free cores).

Networks 784-256-256-10 on mnist-5k, each analysed by itself and like layers together. By their symmetry
nothing relates the row of a unit to its column in any of their layers.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from pigmm.studies import analyse_network
from pigmm.studies.networks.tests_of_matrices.alike import alike
from pigmm.training import EnsembleConfig, train_ensemble

LAYERS = ("first", "interior", "output")


def weights_of(config: EnsembleConfig) -> dict[str, dict[str, object]]:
    """The weights of each network, before and after training: by "network.3, epoch 20", then by layer."""
    with TemporaryDirectory() as folder:
        ensemble = train_ensemble(config, Path(folder) / "mlps.zarr").load()
    return {
        f"network.{k}, epoch {float(epoch):g}": {
            f"{name}.weight": ensemble[f"weight_{layer}"].sel(network=k, epoch=epoch).to_numpy()
            for layer, name in enumerate(LAYERS)
        }
        for epoch in ensemble.epoch.to_numpy()
        for k in ensemble.network.to_numpy()
    }


def main() -> None:
    """Print what is found, and write the table of all matrices into docs/data/networks."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--networks", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--replicates", type=int, default=999)
    arguments = parser.parse_args()
    config = EnsembleConfig(
        hidden=(256, 256),
        networks=arguments.networks,
        epochs=arguments.epochs,
        block_size=arguments.networks,
        layers="all",
        snapshots=10**6,  # the first and the last state alone
    )
    tables = {
        name: analyse_network(weights, replicates=arguments.replicates, seed=seed)
        for seed, (name, weights) in enumerate(weights_of(config).items())
    }
    table = pd.concat(tables, names=["network"]).reset_index()
    table["network"], table["epoch"] = table.network.str.split(", epoch ").str[0], table.network.str.split().str[-1]
    table.to_csv(Path(__file__).parent / "data" / "networks" / "mlps.csv", index=False, float_format="%.5g")
    for epoch, own in table.groupby("epoch", sort=False):
        print(f"\nepoch {epoch}")
        shown = ["z_trace", "p_randomisation", "symmetric_to_antisymmetric", "row_hubs", "column_hubs", "structure"]
        print(own.set_index(["matrix", "network"]).sort_index()[shown].to_string())
        like = own.assign(index=own.network + "." + own.matrix).set_index("index")
        print(alike(like)[["layers", "statistic", "mean", "low", "high", "z", "departs", "differ"]].to_string())


if __name__ == "__main__":
    main()
