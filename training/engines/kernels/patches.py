"""Images as lists of their patches that are not empty: 16 pixels each, as many as a vector holds.

Four fifths of a handwritten digit are background, and small squares of pixels are mostly all background or none. With
pixels p from 0 to 255 and inputs x = p/127.5 - 1, a weighted sum over an image is W x = W p/127.5 - (sum of W), where
the first part needs the bright patches only and the second no image at all.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....simd import aligned_empty
from ..limits import PATCH_SIDE

PATCH_PIXELS = PATCH_SIDE**2


class PatchedImages(NamedTuple):
    """Images without their empty patches (a tuple, for Numba).

    Args:
        first: (images + 1,) int64: image i has the patches from first[i] to first[i + 1].
        numbers: (patches,) uint16: where in the image a patch is.
        pixels: (patches * 16,) uint8, of one patch after another, the first on a cache line.
        labels: (images,) int64.
    """

    first: NDArray[np.int64]
    numbers: NDArray[np.uint16]
    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]


def patch_places(shape: tuple[int, int, int]) -> NDArray[np.int64]:
    """The places in a flat image, (patches, 16), of the pixels of each patch.

    Args:
        shape: planes, height, width of the image; a patch is a square of four by four in one plane.

    Returns:
        (patches, 16) int64.

    Raises:
        ValueError: height or width is not a multiple of 4.

    >>> patch_places((1, 28, 28)).shape, patch_places((1, 28, 28))[8][:5].tolist()
    ((49, 16), [116, 117, 118, 119, 144])
    """
    planes, height, width = shape
    if height % PATCH_SIDE or width % PATCH_SIDE:
        raise ValueError(f"shape: height and width must be multiples of {PATCH_SIDE}, got {shape}")
    squares = np.arange(planes * height * width).reshape(
        planes, height // PATCH_SIDE, PATCH_SIDE, width // PATCH_SIDE, PATCH_SIDE
    )
    return squares.transpose(0, 1, 3, 2, 4).reshape(-1, PATCH_PIXELS)


def patched(images: NDArray[np.uint8], labels: NDArray[np.int64], places: NDArray[np.int64]) -> PatchedImages:
    """Cut images into patches and leave out the empty ones.

    Args:
        images: (count, pixels) from 0 to 255.
        labels: (count,).
        places: (patches, 16), from `patch_places`.

    Returns:
        The images without their empty patches.

    >>> image = np.zeros((1, 784), np.uint8)
    >>> image[0, 116] = 255
    >>> patched(image, np.zeros(1, int), patch_places((1, 28, 28))).numbers.tolist()
    [8]
    """
    cut = np.take(images, places.reshape(-1), axis=1).reshape(len(images), *places.shape)
    bright = cut.view(np.uint64).any(axis=2)  # eight pixels at once
    first = np.concatenate([[0], np.cumsum(bright.sum(axis=1))])
    kept = cut[bright]
    pixels = aligned_empty(kept.size, np.uint8)
    pixels[:] = kept.reshape(-1)
    return PatchedImages(
        first, np.nonzero(bright)[1].astype(np.uint16), pixels, np.ascontiguousarray(labels, dtype=np.int64)
    )
