"""Hessian-vector products of 200 networks at once against one after another by autograd; dense Hessians.

python benchmarks/curvature.py              (a minute or two; processor time, so that other load does not count)
python benchmarks/curvature.py --dense 12   (hidden width of the dense Hessian's network: about 784 parameters a unit)
python benchmarks/curvature.py --threads 2  (time by the clock, on a machine that does nothing else)
"""

import argparse
import time

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from pigmm.training import (
    EnsembleConfig,
    Objective,
    dense_matrix,
    hessian_product,
    initial_parameters,
    load_dataset,
)
from pigmm.training.data import normalise


def images(count):
    """Some of the bundled digits."""
    data = load_dataset("mnist-5k")
    return torch.tensor(normalise(data.train_inputs[:: 4000 // count][:count])), torch.tensor(
        data.train_labels[:: 4000 // count][:count]
    )


def one_after_another(config, parameters, inputs, targets, vectors):
    """Double backward through a torch module for each network, the way everybody writes it."""
    parts = []
    for rows, columns in config.shapes:
        parts += [nn.Linear(columns, rows, bias=False), nn.ReLU()]
    module = nn.Sequential(*parts[:-1])
    tensors = list(module.parameters())
    found = []
    for own, vector in zip(parameters, vectors, strict=True):
        nn.utils.vector_to_parameters(own, tensors)
        gradient = torch.autograd.grad(cross_entropy(module(inputs), targets), tensors, create_graph=True)
        flat = torch.cat([part.reshape(-1) for part in gradient])
        found.append(torch.cat([p.reshape(-1) for p in torch.autograd.grad(flat @ vector, tensors)]))
    return torch.stack(found)


def seconds(call, repeats):
    """The least time of some calls, after one that is not counted: of the processor, or with threads by the clock."""
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    call()
    taken = []
    for _ in range(repeats):
        start = clock()
        call()
        taken.append(clock() - start)
    return min(taken)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--dense", type=int, nargs="*", default=[2, 6, 12])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    config = EnsembleConfig(hidden=(10, 10, 10))
    objective = Objective.of_config(config)
    parameters = initial_parameters(config, range(options.networks))
    vectors = torch.from_numpy(np.random.default_rng(0).normal(size=parameters.shape).astype(np.float32))
    print("| images | networks | one after another, ms | at once, ms | ratio | largest relative difference |")
    print("|---|---|---|---|---|---|")
    for count in (10, 100):
        inputs, targets = images(count)
        slow_call = lambda: one_after_another(config, parameters, inputs, targets, vectors)  # noqa: B023, E731
        fast_call = lambda: hessian_product(objective, parameters, inputs, targets, vectors)  # noqa: B023, E731
        difference = (slow_call() - fast_call()).abs().max() / slow_call().abs().max()
        slow, fast = seconds(slow_call, options.repeats), seconds(fast_call, options.repeats)
        print(f"| {count} | {options.networks} | {slow * 1e3:.1f} | {fast * 1e3:.1f} | {slow / fast:.1f} | "
              f"{float(difference):.1e} |", flush=True)  # fmt: skip
    print("\n| parameters | images | dense Hessian, s | memory of it, MB |\n|---|---|---|---|")
    inputs, targets = images(100)
    for width in options.dense:
        small = EnsembleConfig(hidden=(width, width), bias=True)
        own, start = Objective.of_config(small), initial_parameters(small, [0])[0]
        begun = time.process_time()
        matrix = dense_matrix(own, start, inputs, targets)
        print(f"| {own.size} | 100 | {time.process_time() - begun:.1f} | {matrix.nbytes / 1e6:.0f} |", flush=True)


if __name__ == "__main__":
    main()
