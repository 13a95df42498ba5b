"""Differentiate a plan: the steps of a reverse sweep, which the loops that evaluate the plan perform as well.

The sweep starts at the scalars, with the derivatives of a weighted sum of them. Those of sums and dots make each vector
begin as a combination of vectors, whose coefficients are numbers. All that follows are operations of plans, and one
more, that adds an entrywise product to what is there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from .fusion import fused
from .plan import Plan, Shape, Step


@dataclass(frozen=True, eq=False)
class Adjoint:
    """The steps of a plan, and then those of its reverse sweep.

    Operations of the sweep (G a derivative that is being collected, of which each value is read once, so that the next
    is written over it): zeros | ones | combination (sum_k s_k x_k) | add SUBSCRIPTS G A B, such as G_ij + A_ji B_i for
    "ji,i", or G A alone for one operand | add_diagonal G x.

    Args:
        steps: the first `forward` are those of the plan, fused.
        forward: number of steps of the plan.
        outputs: for each graph the step that holds its value.
        combinations: for each step that is a combination, pairs of a scalar, whose derivative is the coefficient, and a
            vector.
        gradients: for each colour the step that holds the derivative, by colour.
    """

    steps: tuple[Step, ...]
    forward: int
    outputs: tuple[int, ...]
    combinations: dict[int, list[tuple[int, int]]]
    gradients: dict[int, int]

    def scalars(self) -> list[int]:
        """The steps that are scalars."""
        return [number for number, step in enumerate(self.steps[: self.forward]) if not step.shape]

    def derived(self, places: Mapping[int, int], derivatives: Mapping[int, int]) -> list[list[int]]:
        """Products of two scalars in reverse: places of the factors, of the derivatives by the product and by them."""
        return [
            [*(places[i] for i in step.inputs), derivatives[number], *(derivatives[i] for i in step.inputs)]
            for number, step in reversed(list(enumerate(self.steps)))
            if step.operation == "times"
        ]

    def combined(
        self, places: Mapping[int, int], derivatives: Mapping[int, int], lengths: Sequence[int]
    ) -> tuple[list[list[int]], list[tuple[int, int]]]:
        """Combinations of vectors: place, length (of each node kind), first and last term; and all terms, by places."""
        combinations: list[list[int]] = []
        terms: list[tuple[int, int]] = []
        for number, pairs in self.combinations.items():
            length = lengths[self.steps[number].shape[0]]
            combinations.append([places[number], length, len(terms), len(terms) + len(pairs)])
            terms += [(derivatives[scalar], places[vector]) for scalar, vector in pairs]
        return combinations, terms

    def __str__(self) -> str:
        return str(Plan(self.steps, self.outputs))


@lru_cache(maxsize=64)
def adjoint(plan: Plan) -> Adjoint:
    """Differentiate a plan without general contractions.

    >>> from pigmm.invariants.graphs.multigraph import Multigraph
    >>> from pigmm.invariants.evaluation.kernels.plan import plan
    >>> print(adjoint(plan((Multigraph([(0, 1), (0, 1)]),))))  # the sum of the squares of all entries
    %0 = input
    %1 = row_dots %0 %0
    %2 = sum %1
    %3 = combination
    %4 = ones
    %5 = zeros
    %6 = add ij,i %5 %0 %3
    %7 = add ij,i %6 %0 %3
    """
    return _Sweep(fused(plan)).result()


def operands(step: Step) -> tuple[tuple[int, str], ...]:
    """What a step of the sweep reads besides the derivative that it adds to, with subscripts: "ji" is a transpose.

    >>> operands(Step("add ij,i", (5, 0, 3), (0, 0)))
    ((0, 'ij'), (3, 'i'))
    """
    return tuple(zip(step.inputs[1:], step.operation.removeprefix("add ").split(","), strict=True))


class _Sweep:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.steps = list(plan.steps)
        self.combinations: dict[int, list[tuple[int, int]]] = {}
        self._ones: dict[Shape, int] = {}
        # of each step: what is to be added to its derivative, an operation without its first operand
        self._terms: dict[int, list[tuple[str, tuple[int, ...]]]] = defaultdict(list)
        self._derivatives = {
            number: self._combination(step.shape) for number, step in enumerate(plan.steps) if len(step.shape) == 1
        }

    def result(self) -> Adjoint:
        forward = len(self.plan.steps)
        for number, step in enumerate(self.plan.steps):
            if step.operation in ("sum", "dot"):
                x, y = (*step.inputs, *step.inputs)[:2]
                if step.operation == "sum":
                    y = self._unit(self.plan.steps[x].shape)
                else:
                    self.combinations[self._derivatives[y]].append((number, x))
                self.combinations[self._derivatives[x]].append((number, y))
        gradients = {}
        for number in reversed(range(forward)):
            step = self.plan.steps[number]
            if step.shape:
                derivative = self._collected(number)
                if step.operation == "input":
                    gradients[step.colour] = derivative
                else:
                    self._pull_back(step, derivative)
        return Adjoint(tuple(self.steps), forward, self.plan.outputs, self.combinations, gradients)

    def _step(self, operation: str, inputs: tuple[int, ...], shape: Shape) -> int:
        self.steps.append(Step(operation, inputs, shape))
        return len(self.steps) - 1

    def _combination(self, shape: Shape) -> int:
        number = self._step("combination", (), shape)
        self.combinations[number] = []
        return number

    def _unit(self, shape: Shape) -> int:
        if shape not in self._ones:
            self._ones[shape] = self._step("ones", (), shape)
        return self._ones[shape]

    def _collected(self, number: int) -> int:
        """The derivative by a step, once all that is made of it has been pulled back."""
        shape = self.plan.steps[number].shape
        value = self._derivatives[number] if len(shape) == 1 else self._step("zeros", (), shape)
        for operation, inputs in self._terms[number]:
            value = self._step(operation, (value, *inputs), shape)
        return value

    def _add(self, number: int, subscripts: str, *inputs: int) -> None:
        self._terms[number].append((f"add {subscripts}", inputs))

    def _pull_back(self, step: Step, g: int) -> None:
        """Add the derivatives through a step of derivative g to those of its inputs."""
        a, b = (*step.inputs, *step.inputs)[:2]
        shapes = self.plan.steps[a].shape, self.plan.steps[b].shape
        match step.operation:
            case "diagonal":
                self._terms[a].append(("add_diagonal", (g,)))
            case "rows":
                self._add(a, "i,j", g, self._unit(shapes[0][1:]))
            case "columns":
                self._add(a, "i,j", self._unit(shapes[0][:1]), g)
            case "apply":
                self._add(a, "i,j", g, b)
                self._add(b, "i", self._step("apply_transposed", (a, g), shapes[1]))
            case "apply_transposed":
                self._add(a, "i,j", b, g)
                self._add(b, "i", self._step("apply", (a, g), shapes[1]))
            case "row_dots":
                self._add(a, "ij,i", b, g)
                self._add(b, "ij,i", a, g)
            case "row_dots_transposed":
                self._add(a, "ji,i", b, g)
                self._add(b, "ji,j", a, g)
            case "hadamard":
                self._add(a, "ij,ij", g, b)
                self._add(b, "ij,ij", g, a)
            case "hadamard_transposed":
                self._add(a, "ij,ji", g, b)
                self._add(b, "ji,ji", g, a)
            case "scale_rows":
                self._add(a, "ij,i", g, b)
                self._add(b, "i", self._step("row_dots", (g, a), shapes[1]))
            case "scale_columns":
                self._add(a, "ij,j", g, b)
                product = self._step("hadamard", (g, a), shapes[0])
                self._add(b, "i", self._step("columns", (product,), shapes[1]))
            case "multiply":
                self._add(a, "i,i", g, b)
                self._add(b, "i,i", g, a)
            case _:
                self._pull_back_product(step.operation, g, a, b)

    def _pull_back_product(self, operation: str, g: int, a: int, b: int) -> None:
        shapes = self.plan.steps[a].shape, self.plan.steps[b].shape
        if a == b and operation != "product":
            # of A A^T or A^T A: one product with G + G^T
            shape = self.steps[g].shape
            both = self._step("zeros", (), shape)
            for subscripts in ("ij", "ji"):
                both = self._step(f"add {subscripts}", (both, g), shape)
            factors = (both, a) if operation == "product_transposed" else (a, both)
            self._add(a, "ij", self._step("product", factors, shapes[0]))
            return
        ways = {
            "product": (("product_transposed", (g, b)), ("transposed_product", (a, g))),
            "product_transposed": (("product", (g, b)), ("transposed_product", (g, a))),
            "transposed_product": (("product_transposed", (b, g)), ("product", (a, g))),
        }[operation]
        for number, shape, (way, factors) in zip((a, b), shapes, ways, strict=True):
            self._add(number, "ij", self._step(way, factors, shape))
