"""Permutation-invariant tensors as exact combinations of set partitions of their legs (the diagram basis).

A set partition of the legs stands for the product of Kronecker deltas that sets the indices of each block equal:
{i, k}{j} is delta_ik (and 1 in j). Every tensor that is invariant under S_N is a combination of these, and a
contraction of diagrams is a diagram times a power of N for every block that is summed away. So identities between
such tensors are proved here for all sizes at once, with coefficients in the field of rational functions of the sizes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sympy import ZZ, Expr, Integer, Mul, Pow, Rational, Symbol, field

from ..graphs.partitions import Partition

#: Rational functions in the sizes of the node kinds: `SIZES[k]` is the number of values of an index of kind k.
FIELD, *SIZES = field("n0,n1", ZZ)
Coefficient = Any  # an element of FIELD; sympy's elements carry no static type


def normal_partition(labels: Sequence[int]) -> Partition:
    """Renumber block labels by first appearance.

    Args:
        labels: of each leg, any integers.

    Returns:
        The partition.

    >>> normal_partition([7, 3, 7])
    (0, 1, 0)
    """
    names: dict[int, int] = {}
    return tuple(names.setdefault(label, len(names)) for label in labels)


@dataclass(frozen=True)
class InvariantTensor:
    """An invariant tensor: one node kind for each leg, and a coefficient for each set partition of the legs.

    Args:
        kinds: node kind of each leg.
        terms: coefficient (element of FIELD) of each set partition; zeros are left out.

    >>> identity = InvariantTensor.delta(0, 0)
    >>> contract("ij,jk->ik", identity, identity) == identity
    True
    """

    kinds: tuple[int, ...]
    terms: Mapping[Partition, Coefficient]

    @classmethod
    def delta(cls, *kinds: int) -> InvariantTensor:
        """Return the tensor that is 1 where all legs are equal: delta_ij for two legs.

        Args:
            *kinds: kind of each leg.

        Returns:
            The tensor.
        """
        return cls(kinds, {(0,) * len(kinds): FIELD.one})

    @classmethod
    def ones(cls, *kinds: int) -> InvariantTensor:
        """Return the tensor whose entries are all 1.

        Args:
            *kinds: kind of each leg.

        Returns:
            The tensor.
        """
        return cls(kinds, {tuple(range(len(kinds))): FIELD.one})

    @classmethod
    def centring(cls, kind: int = 0) -> InvariantTensor:
        """Return F_ij = delta_ij - 1/N, the projector on V_H (the vectors of zero sum).

        Args:
            kind: of both legs.

        Returns:
            The tensor.
        """
        mean: InvariantTensor = cls.ones(kind, kind) / SIZES[kind]
        return cls.delta(kind, kind) - mean

    def __add__(self, other: InvariantTensor) -> InvariantTensor:
        if self.kinds != other.kinds:
            raise ValueError(f"tensors must have the same legs, got kinds {self.kinds} and {other.kinds}")
        terms = dict(self.terms)
        for partition, value in other.terms.items():
            terms[partition] = terms.get(partition, FIELD.zero) + value
        return InvariantTensor(self.kinds, {p: c for p, c in terms.items() if c})

    def __sub__(self, other: InvariantTensor) -> InvariantTensor:
        return self + other.__mul__(-1)

    def __mul__(self, factor: Coefficient) -> InvariantTensor:
        return InvariantTensor(self.kinds, {p: c * factor for p, c in self.terms.items()} if factor else {})

    def __truediv__(self, divisor: Coefficient) -> InvariantTensor:
        return self.__mul__(FIELD.one / divisor)

    def as_expr(self, sizes: Sequence[Symbol]) -> dict[Partition, Expr]:
        """Return the coefficients as sympy expressions.

        Args:
            sizes: a symbol for each node kind.

        Returns:
            Set partition of the legs -> coefficient.
        """
        return {p: c.as_expr(*padded_sizes(sizes)).factor() for p, c in sorted(self.terms.items())}

    def to_dense(self, *sizes: int) -> NDArray[np.float64]:
        """Return the array at integer sizes; for checks.

        Args:
            *sizes: one for each node kind.

        Returns:
            An array with an axis for each leg.

        >>> InvariantTensor.centring().to_dense(2)
        array([[ 0.5, -0.5],
               [-0.5,  0.5]])
        """
        shape = tuple(sizes[kind] for kind in self.kinds)
        dense = np.zeros(shape)
        grids = np.ogrid[tuple(slice(length) for length in shape)]
        for partition, value in self.terms.items():
            equal = np.ones(shape, dtype=bool)
            for leg, block in enumerate(partition):
                equal &= grids[leg] == grids[partition.index(block)]
            dense += float(evaluate_coefficient(value, sizes)) * equal
        return dense


def padded_sizes(sizes: Sequence[Any]) -> list[Any]:
    """Return one value for every generator of FIELD. Those of kinds that do not occur are arbitrary.

    Args:
        sizes: one for each node kind.

    Returns:
        As many values as FIELD has generators.

    >>> padded_sizes([5])
    [5, 1]
    """
    return [*sizes, *[1] * (len(SIZES) - len(sizes))]


def evaluate_coefficient(value: Coefficient, sizes: Sequence[int]) -> Rational:
    """Evaluate a coefficient at integer sizes.

    Args:
        value: a rational function of the sizes.
        sizes: one for each node kind.

    Returns:
        The exact rational number.

    >>> evaluate_coefficient(1 / (SIZES[0] - 1), [5])
    1/4
    """
    at = list(zip(value.numer.ring.gens, padded_sizes(sizes), strict=True))
    return Rational(int(value.numer.evaluate(at)), int(value.denom.evaluate(at)))


def power_of(value: Coefficient, power: Rational, sizes: Sequence[Expr]) -> Expr:
    """Raise a coefficient to a rational power, factor by factor.

    The factors are positive at all sizes that are allowed.

    Args:
        value: a rational function of the sizes.
        power: the exponent.
        sizes: a symbol or number for each node kind.

    Returns:
        The power.

    >>> from sympy import Symbol
    >>> power_of((SIZES[0] - 2) ** 2, Rational(1, 2), [Symbol("N")])  # and not Abs(N - 2)
    N - 2
    """
    result: Expr = Integer(1)
    for polynomial, sign in ((value.numer, 1), (value.denom, -1)):
        content, factors = polynomial.factor_list()
        result *= Pow(Integer(int(content)), sign * power)
        result *= Mul(*(Pow(f.as_expr(*padded_sizes(sizes)), sign * power * times) for f, times in factors))
    return result


def contract(subscripts: str, *tensors: InvariantTensor) -> InvariantTensor:
    """Multiply and sum invariant tensors, as numpy.einsum does arrays, exactly and for every size at once.

    Args:
        subscripts: such as "ij,jk->ik"; repeated letters are equal indices, letters not in the result are summed.
        *tensors: one for each group of letters.

    Returns:
        The tensor of the letters after the arrow.

    Raises:
        ValueError: an index joins legs of different kinds.

    >>> F = InvariantTensor.centring()
    >>> contract("ij,jk->ik", F, F) == F
    True
    >>> contract("ii->", F).as_expr([Symbol("N")])
    {(): N - 1}
    """
    inputs, output = subscripts.split("->")
    groups = inputs.split(",")
    kind_of: dict[str, int] = {}
    for letters, tensor in zip(groups, tensors, strict=True):
        for letter, kind in zip(letters, tensor.kinds, strict=True):
            if kind_of.setdefault(letter, kind) != kind:
                raise ValueError(f"index {letter} of {subscripts!r} joins legs of different kinds")
    terms: dict[Partition, Coefficient] = {}
    for choice in product(*(tensor.terms.items() for tensor in tensors)):
        block_of = _join(kind_of, groups, [partition for partition, _ in choice])
        coefficient = FIELD.one
        for _, value in choice:
            coefficient *= value
        kept = {block_of[letter] for letter in output}
        for block in set(block_of.values()) - kept:
            coefficient *= SIZES[kind_of[block]]
        partition = normal_partition([ord(block_of[letter]) for letter in output])
        terms[partition] = terms.get(partition, FIELD.zero) + coefficient
    kinds = tuple(kind_of[letter] for letter in output)
    return InvariantTensor(kinds, {p: c for p, c in terms.items() if c})


def _join(kind_of: Mapping[str, int], groups: Sequence[str], partitions: Sequence[Partition]) -> dict[str, str]:
    """The block of each index letter when all given deltas hold, named by one of its letters."""
    block_of = {letter: letter for letter in kind_of}
    for letters, partition in zip(groups, partitions, strict=True):
        for leg, block in enumerate(partition):
            old, new = block_of[letters[leg]], block_of[letters[partition.index(block)]]
            if old != new:
                block_of = {letter: new if b == old else b for letter, b in block_of.items()}
    return block_of
