"""What a study of the initial variance trains: the same networks from several variances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...training import EnsembleConfig

#: Variances of the initial weights in units of He-normal, 2/fan_in.
SCALES = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0)
STATIONARY = "stationary"
HE_NORMAL = "c-1"
#: At most so many states of a network are stored, the first included.
_SNAPSHOTS = 11

_FULL: dict[str, Any] = {"dataset": "mnist", "networks": 50, "epochs": 20}
_QUICK: dict[str, Any] = {"dataset": "mnist-5k", "networks": 20, "epochs": 20}
_COMMON: dict[str, Any] = {"hidden": (32, 32), "optimizer": "sgd", "learning_rate": 0.01, "layers": "all"}


@dataclass(frozen=True)
class Design:
    """The ensembles of a study.

    Args:
        base: what all have in common; its initialisation does not count.

    >>> Design.chosen(quick=True).configurations["c-0.5"].initialisation
    'normal(0.5*2/fan_in)'
    """

    base: EnsembleConfig

    @classmethod
    def chosen(cls, quick: bool = False, **overrides: Any) -> Design:
        """Choose the study, or its reduced version.

        Args:
            quick: the reduced version, on the bundled digits.
            **overrides: fields of EnsembleConfig instead of the study's; None replaces nothing.

        Returns:
            The study.

        Raises:
            ValueError: a value is not one that EnsembleConfig accepts, or there are fewer than two networks.

        >>> Design.chosen(networks=1)
        Traceback (most recent call last):
        ValueError: networks: at least 2 are required for standard errors, got 1
        """
        given = {name: value for name, value in overrides.items() if value is not None}
        base = EnsembleConfig(**(_COMMON | (_QUICK if quick else _FULL) | given))
        if base.networks < 2:
            raise ValueError(f"networks: at least 2 are required for standard errors, got {base.networks}")
        every = base.steps_per_epoch * -(-base.epochs // (_SNAPSHOTS - 1))
        return cls(base.model_copy(update={"snapshots": every}))

    @property
    def configurations(self) -> dict[str, EnsembleConfig]:
        """Name -> configuration: one for each scale c, in their order, and the stationary one.

        All have the same seed: network by network the same random numbers, scaled, and the same batches.
        """
        laws = {scale_name(scale): f"normal({scale!r}*2/fan_in)" for scale in SCALES} | {STATIONARY: STATIONARY}
        return {name: self.base.model_copy(update={"initialisation": law}) for name, law in laws.items()}

    def rows(self) -> list[tuple[str, str]]:
        """Name and value of what was run, for a page."""
        base = self.base
        return [
            ("data", str(base.dataset)),
            ("layers", "-".join(map(str, base.widths))),
            ("networks of each variance", str(base.networks)),
            ("epochs", str(base.epochs)),
            ("optimiser", "plain SGD" if not base.momentum else f"SGD with momentum {base.momentum:g}"),
            ("learning rate", f"{base.learning_rate:g}"),
            ("images in a batch", str(base.batch_size)),
            ("weight decay", f"{base.weight_decay:g}"),
            ("scales c of the variance c · 2/fan_in", ", ".join(f"{scale:g}" for scale in SCALES)),
            ("seed", str(base.seed)),
        ]


def scale_name(scale: float) -> str:
    """Name the ensemble of a scale.

    Args:
        scale: c, the variance in units of He-normal.

    Returns:
        The name.

    >>> scale_name(0.5), scale_name(1.0) == HE_NORMAL
    ('c-0.5', True)
    """
    return f"c-{scale:g}"
