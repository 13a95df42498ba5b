"""What a study of function forms computes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Self

from ...spectra.checks import checked_count

#: Widths of the networks whose Fisher matrices a permutation-invariant Gaussian model is fitted to.
MODEL_SIZES = (12, 24)

# hidden units for each of the (d + 1)(d + 2)/2 functions; with fewer the eigenspaces run into each other
_UNITS_A_FUNCTION = 4


@dataclass(frozen=True)
class Settings:
    """The sizes of a study.

    Args:
        dimension: d, of the inputs.
        hidden: m, the number of hidden units.
        networks: whose Fisher matrices are decomposed.
        seed: of everything random.
        descents: networks that are trained.
        samples: inputs that a network is trained on.
        inputs: inputs of the Monte Carlo of inner products.
        fisher_matrices: of each of the small widths, for the Gaussian model.
        replicates: of its bootstrap.
        picture_hidden: hidden units of the networks of the pictures.
    """

    dimension: int = 5
    hidden: int = 3000
    networks: int = 40
    seed: int = 0
    descents: int = 10
    samples: int = 4096
    inputs: int = 100_000
    fisher_matrices: int = 1000
    replicates: int = 199
    picture_hidden: int = 3000

    def __post_init__(self) -> None:
        d = checked_count("dimension", self.dimension, least=2)
        least = _UNITS_A_FUNCTION * number_of_functions(d)
        if self.hidden < least:
            raise ValueError(f"hidden must be at least {least} for inputs of dimension {d}, got {self.hidden}")
        checked_count("networks", self.networks, least=2)
        checked_count("seed", self.seed, least=0)

    @classmethod
    def chosen(cls, dimension: int, hidden: int | None, networks: int | None, seed: int, quick: bool) -> Self:
        """Fill in the defaults.

        Args:
            dimension: of the inputs.
            hidden: None for the default.
            networks: None for the default.
            seed: of everything random.
            quick: whether the study is to take a minute or two.

        Returns:
            The settings.

        Raises:
            ValueError: if a number is too small; the message names it.

        >>> Settings.chosen(5, None, None, 0, quick=True).hidden, Settings.chosen(5, None, 7, 0, quick=False).networks
        (1000, 7)
        >>> Settings.chosen(1, None, None, 0, quick=True)
        Traceback (most recent call last):
            ...
        ValueError: dimension must be an integer of at least 2, got 1
        """
        asked = {"dimension": dimension, "seed": seed, "hidden": hidden, "networks": networks}
        small: dict[str, int] = {
            "hidden": max(1000, _UNITS_A_FUNCTION * number_of_functions(dimension)),
            "networks": 20,
            "descents": 5,
            "samples": 2000,
            "inputs": 40_000,
            "fisher_matrices": 300,
            "replicates": 99,
            "picture_hidden": 1000,
        }
        given = {name: value for name, value in asked.items() if value is not None}
        return cls(**((small if quick else {}) | given))

    def rows(self) -> list[tuple[str, str]]:
        """The sizes as text, for a page."""
        return [(name.replace("_", " "), str(value)) for name, value in asdict(self).items()]


def number_of_functions(dimension: int) -> int:
    """Count the harmonics of degree 0, 1 and 2, which is the number of large eigenvalues.

    Args:
        dimension: d of the inputs.

    Returns:
        Their number.

    >>> number_of_functions(5)
    20
    """
    return dimension * (dimension + 3) // 2
