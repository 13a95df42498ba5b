"""Time the analysis of one network of 23 million parameters, and that of WeightWatcher on the same file.

python benchmarks/networks.py                       (random weights of the shapes of MiniLM)
python benchmarks/networks.py model.safetensors     (a real file, such as that of docs/networks.md)

Each reads the file and analyses every matrix in it: `analyse_network` without randomisations, and with up to 999 of
each matrix; `WeightWatcher.analyze` its spectra (`make bench` installs it). Processor time counts both cores.
"""

import argparse
import logging
import time
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from safetensors.numpy import load_file, save_file

from pigmm.studies import analyse_network

STREAM, INNER, WORDS, PLACES, BLOCKS = 384, 1536, 30522, 512, 6


def random_network(path):
    """Write a network of the shapes of MiniLM, normal entries, one block after another."""
    shapes = {
        "embeddings.word_embeddings.weight": (WORDS, STREAM),
        "embeddings.position_embeddings.weight": (PLACES, STREAM),
    }
    for block in range(BLOCKS):
        stem = f"encoder.layer.{block}"
        for name in ("self.query", "self.key", "self.value", "output.dense"):
            shapes[f"{stem}.attention.{name}.weight"] = (STREAM, STREAM)
        shapes[f"{stem}.intermediate.dense.weight"] = (INNER, STREAM)
        shapes[f"{stem}.output.dense.weight"] = (STREAM, INNER)
    shapes["pooler.dense.weight"] = (STREAM, STREAM)
    rng = np.random.default_rng(0)
    save_file({name: rng.normal(scale=0.05, size=shape).astype(np.float32) for name, shape in shapes.items()}, path)


def weightwatcher(matrices):
    """Analyse matrices as linear layers; their number."""
    import torch

    logging.disable(logging.INFO)  # it prints its banner and each step
    from weightwatcher import WeightWatcher

    layers = []
    for matrix in matrices:
        layers.append(torch.nn.Linear(*matrix.shape[::-1], bias=False))
        layers[-1].weight.data = torch.from_numpy(matrix)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return len(WeightWatcher(model=torch.nn.Sequential(*layers)).analyze())


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("file", nargs="?", type=Path, help="a .safetensors file (default: random weights)")
    arguments = parser.parse_args()
    with TemporaryDirectory() as scratch:
        path = arguments.file or Path(scratch) / "random.safetensors"
        if arguments.file is None:
            random_network(path)
        count = sum(array.size for array in load_file(path).values())
        runs = {
            "analyse_network, no randomisations": lambda: len(analyse_network(path, replicates=0)),
            "analyse_network, up to 999 randomisations": lambda: len(analyse_network(path)),
            "WeightWatcher.analyze": lambda: weightwatcher(
                [array for array in load_file(path).values() if array.ndim == 2 and min(array.shape) >= 4]
            ),
        }
        small = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
        analyse_network({"small": small})  # what is compiled and imported once
        weightwatcher([small])
        print(f"{path.name}: {count / 1e6:.1f} million parameters")
        seconds = {}
        for name, run in runs.items():
            wall, own = time.perf_counter(), time.process_time()
            matrices = run()
            seconds[name] = time.process_time() - own
            wall = time.perf_counter() - wall
            print(f"{name}: {matrices} matrices, {seconds[name]:.1f} s of processor time, {wall:.1f} s")
    *ours, theirs = seconds.values()
    print("ratio of WeightWatcher's processor time:", ", ".join(f"{theirs / own:.1f}" for own in ours))


if __name__ == "__main__":
    main()
