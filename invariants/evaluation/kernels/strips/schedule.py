"""Put the steps of a plan into rounds: products of matrices, then one pass over the matrices, then vectors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..adjoint import operands
from ..plan import Step

_PRODUCTS_AT_ONCE = 4  # bounds how many matrices are alive together


def schedule(steps: tuple[Step, ...]) -> list[Action]:
    """Order the operations that make all matrices and vectors of a plan.

    >>> from pigmm.invariants.evaluation.kernels.fusion import fused
    >>> from pigmm.invariants.graphs.multigraph import Multigraph
    >>> from pigmm.invariants.evaluation.kernels.plan import plan
    >>> [action.operation for action in schedule(fused(plan((Multigraph([(0, 1), (0, 1), (1, 2)]),))).steps)]
    ['pass']
    """
    found = _Schedule(steps, frozenset())
    found.put(range(len(steps)))
    return found.actions


def schedule_sweep(steps: tuple[Step, ...], forward: int, kept: frozenset[int]) -> tuple[list[Action], list[Action]]:
    """Order those of a plan, the first `forward` steps, then those of its reverse sweep, at whose end some are kept.

    >>> from pigmm.invariants.evaluation.kernels.adjoint import adjoint
    >>> from pigmm.invariants.graphs.multigraph import Multigraph
    >>> from pigmm.invariants.evaluation.kernels.plan import plan
    >>> found = adjoint(plan((Multigraph([(0, 1), (1, 2), (2, 0)]),)))  # tr M^3
    >>> values, sweep = schedule_sweep(found.steps, found.forward, frozenset(found.gradients.values()))
    >>> [action.operation for action in values], [action.operation for action in sweep]
    (['transpose', 'product', 'transpose', 'pass'], ['pass', 'transpose', 'product', 'product', 'pass'])
    """
    found = _Schedule(steps, kept)
    found.put(range(forward))
    values, found.actions = found.actions, []
    found.put(range(forward, len(steps)))
    return values, found.actions


def reads_transposed(step: Step, place: int) -> bool:
    """Whether an entrywise operation reads the matrix at a place of its inputs the other way."""
    if step.operation.startswith("add "):
        return place > 0 and operands(step)[place - 1][1] == "ji"
    return place == 1 and step.operation in ("hadamard_transposed", "row_dots_transposed")


@dataclass(frozen=True)
class Buffer:
    """A matrix in the workspace: a step's value or its transpose."""

    step: int
    transposed: bool = False


@dataclass
class Action:
    """A product, a transpose, a diagonal, a product of vectors, or a pass with the steps that it performs."""

    operation: str
    steps: list[int]
    reads: set[Buffer] = field(default_factory=set)
    writes: set[Buffer] = field(default_factory=set)


class _Schedule:
    """Puts the steps of a plan into rounds: products of matrices, then one pass for each shape, then vectors."""

    def __init__(self, steps: tuple[Step, ...], kept: frozenset[int]) -> None:
        self.steps = steps
        self.actions: list[Action] = []
        self._stored = self._to_store() | kept
        self._available: set[Buffer] = {
            Buffer(number) for number, step in enumerate(steps) if step.operation == "input"
        }
        self._done = {n for n, step in enumerate(steps) if step.operation in ("input", "ones", "combination")}

    def put(self, numbers: Iterable[int]) -> None:
        """Order some of the steps, which need no others that are not done."""
        pending = [n for n in numbers if self.steps[n].shape]
        while pending := [n for n in pending if n not in self._done and self._is_needed(n)]:
            self._round(pending)

    def _is_needed(self, number: int) -> bool:
        """Whether a step has a value that outlives a pass."""
        return len(self.steps[number].shape) == 1 or self._is_product(number) or number in self._stored

    def _is_product(self, number: int) -> bool:
        return self.steps[number].operation in ("product", "product_transposed", "transposed_product")

    def _is_between(self, number: int) -> bool:
        """Whether a step is performed between passes: of vectors alone, or the diagonal of a matrix."""
        step = self.steps[number]
        return step.operation in ("multiply", "diagonal") or (
            len(step.shape) == 1 and step.operation.startswith("add ")
        )

    def _to_store(self) -> set[int]:
        """Entrywise products and scaled matrices that are read otherwise than entry by entry in their own places."""
        stored = set()
        for number, step in enumerate(self.steps):
            matrices = [i for i in step.inputs if len(self.steps[i].shape) == 2]
            if self._is_product(number) or step.operation == "diagonal":
                stored.update(matrices)
            else:
                stored.update(
                    i for place, i in enumerate(step.inputs) if i in matrices and reads_transposed(step, place)
                )
        return stored

    def _round(self, pending: list[int]) -> None:
        before = len(self.actions)
        products = [n for n in pending if self._is_product(n) and set(self.steps[n].inputs) <= self._done]
        for number in products[:_PRODUCTS_AT_ONCE]:
            self._act("product", [number], self._factors(number), {Buffer(number)})
        ready = [n for n in pending if n not in self._done and not self._is_between(n) and self._is_ready(n)]
        shapes = sorted({self._swept(n) for n in ready})
        for shape in shapes:
            self._pass([n for n in ready if self._swept(n) == shape])
        for number in pending:
            step = self.steps[number]
            if self._is_between(number) and number not in self._done and set(step.inputs) <= self._done:
                reads = {Buffer(step.inputs[0])} if step.operation == "diagonal" else set()
                self._act(step.operation, [number], reads, set())
        if len(self.actions) == before:
            raise AssertionError("no step of the plan is ready")

    def _factors(self, number: int) -> set[Buffer]:
        """What a product reads: its left factor transposed (see `loops`), its right one as it is."""
        left, right = self.steps[number].inputs
        operation = self.steps[number].operation
        return {
            Buffer(left, transposed=operation != "transposed_product"),
            Buffer(right, transposed=operation == "product_transposed"),
        }

    def _act(self, operation: str, steps: list[int], reads: set[Buffer], writes: set[Buffer]) -> None:
        for buffer in sorted(reads - self._available, key=lambda b: b.step):
            self.actions.append(Action("transpose", [buffer.step], {Buffer(buffer.step)}, {buffer}))
            self._available.add(buffer)
        self.actions.append(Action(operation, steps, reads, writes))
        self._available |= writes
        self._done |= set(steps) if operation != "pass" else {n for n in steps if self._is_needed(n)}

    def _swept(self, number: int) -> tuple[int, ...]:
        """Shape of the matrix that a step of a pass goes through."""
        step = self.steps[number]
        return step.shape if len(step.shape) == 2 else self.steps[step.inputs[0]].shape

    def _is_ready(self, number: int) -> bool:
        """Whether a step can be performed in a pass now."""
        step = self.steps[number]
        if self._is_product(number) or self._is_between(number):
            return False
        for place, i in enumerate(step.inputs):
            if i in self._done:
                continue
            aside = reads_transposed(step, place)  # so from its buffer
            if len(self.steps[i].shape) == 1 or aside or not self._is_ready(i):
                return False
        return True

    def _pass(self, wanted: list[int]) -> None:
        """One pass: the wanted steps, each after the entrywise products that it needs."""
        order: dict[int, None] = {}

        def visit(number: int) -> None:
            if number in self._done or number in order:
                return
            for i in self.steps[number].inputs:
                visit(i)
            order[number] = None

        for number in wanted:
            visit(number)
        reads = {
            Buffer(i, transposed=reads_transposed(self.steps[n], place))
            for n in order
            for place, i in enumerate(self.steps[n].inputs)
            if len(self.steps[i].shape) == 2 and i not in order
        }
        writes = {Buffer(n) for n in order if n in self._stored}
        self._act("pass", list(order), reads, writes)
