"""Limits of the compiled engine."""

from __future__ import annotations

#: Widest layer and largest batch for which a network stays within the fast caches of a core.
WIDEST, LARGEST_BATCH = 64, 1024

#: Height and width of an image must be multiples of the side of a patch.
PATCH_SIDE = 4
