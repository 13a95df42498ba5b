"""The user's choices for the reading of a network, which precede names and shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

GROUPS = ("square", "rectangular")


@dataclass(frozen=True)
class ReadingOptions:
    """The user's choices for the reading of a network's tensors; empty for the recognised reading.

    Args:
        split: number of equal blocks of rows, by the pattern of tensor names that it holds for.
        products: such as "key.weight^T query.weight", analysed beside the matrices; a star stands for the same text in
            all factors.
        heads: cut the units that the two factors of each product share into so many heads.
        group: "square" or "rectangular", by the pattern of names of matrices or products that it holds for.

    Raises:
        ValueError: heads is below 1 or without a product, or a group is another one.

    >>> ReadingOptions(group={"h.*": "round"})
    Traceback (most recent call last):
        ...
    ValueError: group must be one of square, rectangular, got h.*=round
    """

    split: Mapping[str, int] = field(default_factory=dict)
    products: Sequence[str] = ()
    heads: int | None = None
    group: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the options that need no network."""
        if self.heads is not None and self.heads < 1:
            raise ValueError(f"heads must be at least 1, got {self.heads}")
        if self.heads is not None and not self.products:
            raise ValueError(f"heads must come with a product that is cut into them, got heads={self.heads} alone")
        for pattern, group in self.group.items():
            if group not in GROUPS:
                raise ValueError(f"group must be one of {', '.join(GROUPS)}, got {pattern}={group}")
