"""A general contraction as a sum over the values of one node: each term is a contraction of smaller treewidth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from ...graphs.multigraph import Multigraph
from .plan import Plan, Step, plan


@dataclass(frozen=True)
class Slices:
    """One node's value is held fixed: its vectors become scalars, and its matrices vectors at their other ends.

    What is left has one node less, and a plan of its own, whose inputs are the slices of the factors. So the memory of
    a contraction stays that of a few matrices, where a general routine would make tensors of three indices.

    Args:
        node: letter of the node.
        names: letters of the axes of each factor.
        plan: of one slice; input c is a slice of factor c.
    """

    node: str
    names: tuple[str, ...]
    plan: Plan

    def index(self, factor: int, value: int) -> tuple[Any, ...]:
        """The index of the slice in a factor (..., axes): factor[index].

        >>> slices("ab,ac,ad,bc,bd,cd->").index(1, 5)
        (Ellipsis, 5, slice(None, None, None))
        """
        return (..., *(value if letter == self.node else slice(None) for letter in self.names[factor]))

    def inputs(self, factors: Sequence[Any], value: int) -> list[Any]:
        """The inputs of the plan at one value of the node."""
        return [array[self.index(factor, value)] for factor, array in enumerate(factors)]

    def length(self, factors: Sequence[Any]) -> int:
        """Number of values of the node."""
        factor = next(i for i, name in enumerate(self.names) if self.node in name)
        length: int = factors[factor].shape[self.names[factor].index(self.node) - len(self.names[factor])]
        return length


@lru_cache(maxsize=1024)
def slices(subscripts: str) -> Slices:
    """Slice a contraction of vectors and matrices to a number, given as for numpy.einsum.

    >>> print(slices("ab,ac,ad,bc,bd,cd->").plan.steps[-1].operation)
    dot
    """
    names = tuple(subscripts.removesuffix("->").split(","))
    node = Counter("".join(name for name in names if len(name) == 2)).most_common(1)[0][0]
    left = ["".join(letter for letter in name if letter != node) for name in names]
    letters = sorted(set("".join(left)))
    # A vector is the diagonal of a matrix that is never made: an arc from its node to itself.
    colours = [factor for factor, name in enumerate(left) if name]
    arcs = [(letters.index(left[factor][0]), letters.index(left[factor][-1])) for factor in colours]
    found = plan((Multigraph(arcs, colours=colours),))
    steps = [_vector_input(found, step) for step in found.steps]
    output = found.outputs[0]
    for factor, name in enumerate(left):
        if not name:  # a scalar, once the node is fixed
            steps += [Step("input", (), (), factor), Step("times", (output, len(steps)), ())]
            output = len(steps) - 1
    return Slices(node, names, replace(found, steps=tuple(steps), outputs=(output,)))


def _vector_input(plan: Plan, step: Step) -> Step:
    """In place of the diagonal of an input, an input that is a vector."""
    return Step("input", (), step.shape, plan.steps[step.inputs[0]].colour) if step.operation == "diagonal" else step
