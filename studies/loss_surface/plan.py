"""How much is measured, and the ensemble that is trained where there is none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...training import EnsembleConfig


@dataclass(frozen=True)
class Plan:
    """The sizes of one study of a loss surface.

    Args:
        networks: whose spacings are measured, a batch of each.
        batch: images in such a batch, as in arXiv:2102.06740.
        law_networks: whose batch sizes are compared.
        population: images whose Hessian is A.
        sizes: batch sizes.
        batches: of each size.
        dampings: of preconditioned steps, in units of the most negative eigenvalue.
        spikes: the most outliers of a network that are followed.
        replicates: simulated sets of spectra, for the spread of mean ratios.
        draws: simulated spectra, for p-values of the semicircle.
        seed: of the batches and the simulations.
    """

    networks: int = 24
    batch: int = 64
    law_networks: int = 4
    population: int = 2048
    sizes: tuple[int, ...] = (16, 32, 64, 128, 256)
    batches: int = 16
    dampings: tuple[float, ...] = (2.0, 8.0, 32.0)
    spikes: int = 3
    replicates: int = 99
    draws: int = 3999
    seed: int = 0


def plan_of(quick: bool, seed: int) -> Plan:
    """Return the sizes of a study.

    Args:
        quick: whether a minute or two is all that it may take.
        seed: of the batches and the simulations.

    Returns:
        The plan.

    >>> plan_of(True, 0).networks
    12
    """
    if not quick:
        return Plan(seed=seed)
    return Plan(
        networks=12, law_networks=2, population=1024, sizes=(16, 32, 64, 128), batches=10, draws=1999, seed=seed
    )


def default_ensemble(plan: Plan, quick: bool, data_root: Path | None) -> EnsembleConfig:
    """Return the ensemble that is trained in an empty RUN, with the optimiser of arXiv:2102.06740.

    Args:
        plan: for the number of networks and the seed.
        quick: whether to train on the bundled digits, else on all of MNIST.
        data_root: folder of MNIST.

    Returns:
        Networks 784-10-10-10 with biases, all layers stored.

    >>> default_ensemble(plan_of(True, 0), True, None).widths
    (784, 10, 10, 10)
    """
    return EnsembleConfig(
        dataset="mnist-5k" if quick else "mnist",
        data_root=data_root,
        hidden=(10, 10),
        bias=True,
        layers="all",
        networks=plan.networks,
        epochs=30 if quick else 10,
        batch_size=128,
        optimizer="sgd",
        learning_rate=0.003,
        momentum=0.9,
        weight_decay=5e-4,
        seed=plan.seed,
    )
