"""The configuration: what it derives, and how it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from pigmm.training import EnsembleConfig


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"networks": 0}, "networks: input should be greater than or equal to 1, got 0"),
        ({"optimizer": "lion"}, "optimizer: input should be 'adam', 'adamw' or 'sgd', got 'lion'"),
        ({"hidden": ()}, "hidden: tuple should have at least 1 item after validation, not 0, got ()"),
        ({"hidden": (10, 0)}, "hidden.1: input should be greater than or equal to 1, got 0"),
        ({"learning_rate": float("nan")}, "learning_rate: input should be a finite number, got nan"),
        ({"weight_decay": -1.0}, "weight_decay: input should be greater than or equal to 0, got -1.0"),
        ({"momentum": 0.9}, "momentum: 0 is required with optimizer='adam', got 0.9"),
        ({"nesterov": True}, "nesterov: extra inputs are not permitted, got True"),
        ({"dropout": 1.0}, "dropout: input should be less than 1, got 1.0"),
        ({"engine": "jax"}, "engine: input should be 'auto', 'numba' or 'torch', got 'jax'"),
        (
            {"snapshots": 0},
            "snapshots: input should be 'epochs' or 'log' or input should be greater than or equal to 1, got 0",
        ),
        ({"layers": (0, 9)}, "layers: indices must be distinct and from 0 to 3, got (0, 9)"),
        ({"layers": (1, 1)}, "layers: indices must be distinct and from 0 to 3, got (1, 1)"),
        ({"layers": ()}, "layers: indices must be distinct and from 0 to 3, got ()"),
        (
            {"hidden": (40,)},
            "layers: 'square' requires a square weight matrix, got 784-40-10; use layers='all'",
        ),
        (
            {"dataset": "emnist"},
            "dataset: input should be 'mnist-5k', 'mnist', 'fashion-mnist' or 'cifar10', got 'emnist'",
        ),
    ],
)
def test_errors_say_in_one_line_what_is_required_and_what_came(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the whole message is compared
        EnsembleConfig(**arguments)
    assert str(error.value) == message


def test_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        EnsembleConfig().epochs = 3  # type: ignore[misc]


def test_derived_sizes() -> None:
    config = EnsembleConfig(dataset="cifar10", hidden=(40, 40), networks=7, block_size=3, batch_size=64)
    assert config.shapes == ((40, 3072), (40, 40), (10, 40))
    assert config.stored_layers == (1,)
    assert config.steps_per_epoch == 782  # 50000 / 64 = 781.25
    assert config.blocks == (range(3), range(3, 6), range(6, 7))
    assert EnsembleConfig(layers="all").stored_layers == (0, 1, 2, 3)
    assert EnsembleConfig(layers=(3, 0)).stored_layers == (0, 3)


def test_round_trip_through_json() -> None:
    config = EnsembleConfig(layers=(0, 2), data_root="somewhere", weight_decay=0.01, snapshots=7, bias=True)
    again = EnsembleConfig.model_validate_json(config.model_dump_json())
    assert again == config
    assert again.differences(config) == {}


def test_snapshots_end_with_the_training() -> None:
    for snapshots in ("epochs", "log", 1, 7, 40, 1000):
        steps = EnsembleConfig(epochs=3, snapshots=snapshots).snapshot_steps
        assert (steps[0], steps[-1]) == (0, 120)
        assert list(steps) == sorted(set(steps))
    assert EnsembleConfig(epochs=3, snapshots="log").snapshot_steps == (0, 1, 2, 4, 8, 16, 32, 64, 120)
    assert EnsembleConfig(epochs=1, batch_size=4000, snapshots="log").snapshot_steps == (0, 1)
    assert EnsembleConfig(epochs=2, batch_size=250, snapshots="log").snapshot_steps == (0, 1, 2, 4, 8, 16, 32)
