"""Components of matrices that are permuted at random: permutations move the labels of an irrep, and nothing else.

An ensemble is projected once; a draw costs no more than moving its components.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from ....invariants.representation.spaces import MatrixSpace

Array = NDArray[np.float64]
Permutations = Sequence[NDArray[np.intp]]


@dataclass(frozen=True, eq=False)
class Labelled:
    """The components of one irrep, with the nodes that label them.

    Args:
        components: (n, copies, labels).
        kinds: node kind of each label leg: none, one or two.
        sizes: of the node kinds.

    The components of two labels of one kind are symmetric or antisymmetric, without a diagonal, so that those above
    the diagonal stand for all, times the root of two.
    """

    components: Array
    kinds: tuple[int, ...]
    sizes: tuple[int, ...]

    def moved(self, permutations: Permutations) -> Array:
        """Permute the labels of each matrix.

        Args:
            permutations: for each node kind (n, size).

        Returns:
            (n, copies * labels): products of two rows are those of all components.
        """
        n = len(self.components)
        if not self.kinds:
            return self.components.reshape(n, -1)
        labels = [permutations[kind] for kind in self.kinds]
        factor = 1.0
        if len(labels) == 1:
            places = labels[0]
        elif self.kinds[0] == self.kinds[1]:
            above = np.triu_indices(self.sizes[self.kinds[0]], 1)
            places = labels[0][:, above[0]] * self.sizes[self.kinds[1]] + labels[1][:, above[1]]
            factor = sqrt(2)
        else:
            places = (labels[0][:, :, None] * self.sizes[self.kinds[1]] + labels[1][:, None, :]).reshape(n, -1)
        # places in all components at once: half the time of numpy's take_along_axis
        begins = np.arange(0, self.components.size, self.components.shape[-1]).reshape(*self.components.shape[:-1], 1)
        return factor * np.take(self.components, begins + places[:, None, :]).reshape(n, -1)


def labelled(parts: Sequence[Array], space: MatrixSpace) -> list[Labelled]:
    """Name the labels of components.

    Args:
        parts: for each irrep (n, copies, labels), combined within each irrep at most.
        space: that of the matrices.

    Returns:
        One for each irrep.
    """
    kinds = [irrep.copies[0].intertwiner.kinds[:-2] for irrep in space.decomposition.irreps]
    return [Labelled(part, own, space.sizes) for part, own in zip(parts, kinds, strict=True)]


def random_permutations(count: int, space: MatrixSpace, rng: np.random.Generator) -> list[NDArray[np.intp]]:
    """Draw permutations for each of several matrices, from the group of their space.

    Args:
        count: of the matrices.
        space: that of the matrices.
        rng: source of random numbers.

    Returns:
        For each node kind (count, size).
    """
    return [rng.permuted(identity, axis=-1) for identity in identities(count, space)]


def identities(count: int, space: MatrixSpace) -> list[NDArray[np.intp]]:
    """The permutations that move nothing.

    Args:
        count: of the matrices.
        space: that of the matrices.

    Returns:
        For each node kind (count, size), read-only.
    """
    return [np.broadcast_to(np.arange(size), (count, size)) for size in space.sizes]
