"""Plan the evaluation of many invariants together: shared intermediate results, in an order ready to execute.

Each connected component is contracted node by node: a node with one neighbour becomes a vector on it (matrix times
vector), a node with two becomes a matrix between them (matrix times matrix). Every intermediate result is made once,
whoever needs it. Disconnected graphs are products of the scalars of their components.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from math import isqrt, prod
from string import ascii_lowercase
from typing import NamedTuple

from ...graphs.multigraph import Multigraph

Shape = tuple[int, ...]  # node kinds of the axes: () a scalar, (k,) a vector, (k, l) a matrix


@dataclass(frozen=True)
class Step:
    """One operation: `inputs` are numbers of earlier steps.

    Operations (A, B matrices; x, y vectors; s, t scalars):
    contract SUBSCRIPTS (a general contraction, as numpy.einsum) |
    input M | diagonal A | hadamard A*B | hadamard_transposed A*B^T | rows A (sum_j A_ij) | columns A (sum_i A_ij) |
    apply A x | apply_transposed A^T x | scale_rows A_ij x_i | scale_columns A_ij x_j | product A B |
    product_transposed A B^T | transposed_product A^T B | multiply x*y | sum x | dot x y | times s t
    """

    operation: str
    inputs: tuple[int, ...]
    shape: Shape
    colour: int = 0  # of an input: which of several matrices it is


class Cost(NamedTuple):
    """Floating-point operations of a plan, and bytes read and written if no step finds its input in cache."""

    flops: int
    bytes: int


@dataclass(frozen=True, eq=False)
class Plan:
    """Steps in order, and for each graph the step that holds its value. Equal only to itself, as a key of caches.

    >>> print(plan((Multigraph([(0, 1), (1, 2)]), Multigraph([(0, 0)]))))
    %0 = input
    %1 = rows %0
    %2 = columns %0
    %3 = dot %1 %2
    %4 = diagonal %0
    %5 = sum %4
    """

    steps: tuple[Step, ...]
    outputs: tuple[int, ...]

    @property
    def needs_general_contractions(self) -> bool:
        """Whether a graph has treewidth above 2."""
        return any(step.operation.startswith("contract") for step in self.steps)

    def cost(self, sizes: tuple[int, ...]) -> Cost:
        """Operations and memory traffic for one matrix (or one of each colour), step by step.

        Args:
            sizes: one for each node kind.

        Returns:
            Floating-point operations and bytes.

        >>> plan((Multigraph([(0, 1), (1, 2), (2, 0)]),)).cost((10,))  # the product, the sum of M M times M^T
        Cost(flops=2099, bytes=5768)
        """
        flops = entries = 0
        for step in self.steps:
            if step.operation != "input":
                read = [self.steps[i].shape for i in step.inputs]
                lengths = [[sizes[kind] for kind in shape] for shape in (step.shape, *read)]
                flops += _flops(step.operation, *map(prod, lengths), terms=_terms(step.operation, read, sizes))
                entries += sum(map(prod, lengths))
        return Cost(flops, 8 * entries)

    def __str__(self) -> str:
        lines = (
            f"%{number} = " + " ".join([step.operation, *(f"%{i}" for i in step.inputs)])
            for number, step in enumerate(self.steps)
        )
        return "\n".join(lines)


@lru_cache(maxsize=64)
def plan(graphs: tuple[Multigraph, ...]) -> Plan:
    """Plan the evaluation of graphs, all of one kind of matrices.

    Graphs of treewidth above 2 (the first are the orientations of the complete graph on four nodes, at degree 6) end
    in a general contraction.

    >>> plan((Multigraph([(0, 1)]),)).outputs
    (2,)
    """
    builder = Builder()
    outputs = []
    for graph in graphs:
        scalars = sorted(builder.component(component) for component in graph.components)
        value = scalars[0]
        for scalar in scalars[1:]:
            value = builder.step("times", (value, scalar), ())
        outputs.append(value)
    return Plan(tuple(builder.steps), tuple(outputs))


@dataclass(frozen=True, order=True)
class _Oriented:
    """A matrix step, read as it is or transposed; transposes are never made, only read."""

    transposed: bool
    step: int

    @property
    def flipped(self) -> _Oriented:
        return _Oriented(not self.transposed, self.step)


class Builder:
    """Hash-conses steps: asking twice for the same operation on the same inputs gives the same step."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._numbers: dict[tuple[str, tuple[int, ...], int, Shape], int] = {}
        self._scalars: dict[Multigraph, int] = {}

    def step(self, operation: str, inputs: tuple[int, ...], shape: Shape, colour: int = 0) -> int:
        """The number of a step."""
        key = (operation, inputs, colour, shape)
        if key not in self._numbers:
            self._numbers[key] = len(self.steps)
            self.steps.append(Step(operation, inputs, shape, colour))
        return self._numbers[key]

    def component(self, graph: Multigraph) -> int:
        """The scalar of a connected graph."""
        if graph not in self._scalars:
            self._scalars[graph] = self._eliminate(graph)
        return self._scalars[graph]

    def _eliminate(self, graph: Multigraph) -> int:
        vectors, matrices = self._factors(graph, range(graph.degree))
        nodes = set(range(graph.number_of_nodes))
        while len(nodes) > 1:
            if not self._eliminate_one(nodes, nodes, vectors, matrices):
                return self._contract_rest(sorted(nodes), vectors, matrices)
        return self._sum(vectors[nodes.pop()])

    def opened(self, graph: Multigraph, arc: int) -> tuple[str, tuple[int, ...]]:
        """The graph without an arc, its ends held: an entrywise operation, and the vectors and matrices that it reads.

        "i,j" x y is x_i y_j, "ji,i" A x is A_ji x_i (tail i, head j); "diagonal" x, of a loop, is x_i where i = j. The
        graph is connected, and of treewidth 2 at most.
        """
        tail, head = graph.arcs[arc]
        vectors, matrices = self._factors(graph, [k for k in range(graph.degree) if k != arc])
        nodes = set(range(graph.number_of_nodes))
        while inner := nodes - {tail, head}:
            self._eliminate_one(inner, nodes, vectors, matrices)
        rows, columns = (self._multiply(vectors[end]) if vectors.get(end) else None for end in (tail, head))
        unit = (self.step("ones", (), (graph.kinds[end],)) for end in (tail, head))
        if tail == head:
            return "diagonal", (next(unit) if rows is None else rows,)
        if not matrices:
            return "i,j", tuple(u if x is None else x for u, x in zip(unit, (rows, columns), strict=True))
        matrix = self._hadamard(self._take(matrices, tail, head))
        if rows is not None and columns is not None:
            scale = "scale_columns" if matrix.transposed else "scale_rows"
            matrix = _Oriented(matrix.transposed, self.step(scale, (matrix.step, rows), self.steps[matrix.step].shape))
            rows = None
        name = "ji" if matrix.transposed else "ij"
        if rows is not None:
            return f"{name},i", (matrix.step, rows)
        return (name, (matrix.step,)) if columns is None else (f"{name},j", (matrix.step, columns))

    def _factors(
        self, graph: Multigraph, arcs: Iterable[int]
    ) -> tuple[dict[int, list[int]], dict[tuple[int, int], list[_Oriented]]]:
        """Of some arcs: vectors to multiply at each node, and matrices between nodes (u, v), u < v, with rows at u."""
        vectors: dict[int, list[int]] = defaultdict(list)
        matrices: dict[tuple[int, int], list[_Oriented]] = defaultdict(list)
        for arc in arcs:
            tail, head = graph.arcs[arc]
            matrix = self.step("input", (), (graph.kinds[tail], graph.kinds[head]), graph.colours[arc])
            if tail == head:
                vectors[tail].append(self.step("diagonal", (matrix,), (graph.kinds[tail],)))
            else:
                matrices[min(tail, head), max(tail, head)].append(_Oriented(tail > head, matrix))
        return vectors, matrices

    def _eliminate_one(
        self,
        inner: set[int],
        nodes: set[int],
        vectors: dict[int, list[int]],
        matrices: dict[tuple[int, int], list[_Oriented]],
    ) -> bool:
        """Sum over one of the inner nodes; False if each has more than two neighbours."""
        neighbours = {v: sorted({u for pair in matrices if v in pair for u in pair} - {v}) for v in inner}
        # where single arcs meet first, so that M M, M M^T and M^T M are the products that graphs need
        arcs = {v: sum(self._arcs(m.step) for pair in matrices if v in pair for m in matrices[pair]) for v in inner}
        node = min(inner, key=lambda v: (len(neighbours[v]), arcs[v], len(vectors[v]), -v))
        ends = neighbours[node]
        if len(ends) > 2:
            return False
        towards = [self._hadamard(self._take(matrices, end, node)) for end in ends]  # rows at the neighbour
        if len(ends) == 1:
            vectors[ends[0]].append(self._apply(towards[0], vectors.pop(node, [])))
        else:
            through = self._product(towards[0], vectors.pop(node, []), towards[1].flipped)
            matrices[ends[0], ends[1]].append(through)
        nodes.remove(node)
        return True

    def _arcs(self, matrix: int) -> int:
        """How many arcs of a graph a matrix step stands for."""
        step = self.steps[matrix]
        if step.operation == "input":
            return 1
        return sum(self._arcs(i) for i in step.inputs if len(self.steps[i].shape) == 2)

    def _contract_rest(
        self, nodes: list[int], vectors: dict[int, list[int]], matrices: dict[tuple[int, int], list[_Oriented]]
    ) -> int:
        """What no elimination through vectors and matrices reaches (treewidth above 2): one general contraction."""
        letters = {node: ascii_lowercase[place] for place, node in enumerate(nodes)}
        subscripts, inputs = [], []
        for node, factors in vectors.items():
            if factors:
                subscripts.append(letters[node])
                inputs.append(self._multiply(factors))
        for (u, v), found in matrices.items():
            product = self._hadamard(found)
            subscripts.append(letters[v] + letters[u] if product.transposed else letters[u] + letters[v])
            inputs.append(product.step)
        return self.step("contract " + ",".join(subscripts) + "->", tuple(inputs), ())

    @staticmethod
    def _take(matrices: dict[tuple[int, int], list[_Oriented]], row: int, column: int) -> list[_Oriented]:
        """Remove the matrices between two nodes, oriented with rows at `row`."""
        found = matrices.pop((min(row, column), max(row, column)))
        return found if row < column else [matrix.flipped for matrix in found]

    def _shape(self, matrix: _Oriented) -> Shape:
        shape = self.steps[matrix.step].shape
        return shape[::-1] if matrix.transposed else shape

    def _hadamard(self, factors: list[_Oriented]) -> _Oriented:
        """Entrywise product; of the product and its transpose only one is ever made."""
        ordered = min(sorted(factors), sorted(factor.flipped for factor in factors))
        flip = ordered != sorted(factors)
        value = ordered[0].step  # False sorts before True, and one of the two orders has a False: not transposed
        for factor in ordered[1:]:
            operation = "hadamard_transposed" if factor.transposed else "hadamard"
            value = self.step(operation, (value, factor.step), self.steps[value].shape)
        return _Oriented(flip, value)

    def _apply(self, matrix: _Oriented, factors: list[int]) -> int:
        """sum_j A_ij x_j, x the product of the vectors at j."""
        shape = (self._shape(matrix)[0],)
        if not factors:
            return self.step("columns" if matrix.transposed else "rows", (matrix.step,), shape)
        operation = "apply_transposed" if matrix.transposed else "apply"
        return self.step(operation, (matrix.step, self._multiply(factors)), shape)

    def _product(self, left: _Oriented, factors: list[int], right: _Oriented) -> _Oriented:
        """sum_j A_ij x_j B_jk; of the product and its transpose only one is ever made."""
        if (right.flipped, left.flipped) < (left, right):
            return self._product(right.flipped, factors, left.flipped).flipped
        if factors:
            operation = "scale_rows" if left.transposed else "scale_columns"
            inputs = (left.step, self._multiply(factors))
            left = _Oriented(left.transposed, self.step(operation, inputs, self.steps[left.step].shape))
        operation = {
            (False, False): "product",
            (False, True): "product_transposed",
            (True, False): "transposed_product",
        }[left.transposed, right.transposed]
        shape = (self._shape(left)[0], self._shape(right)[1])
        return _Oriented(False, self.step(operation, (left.step, right.step), shape))

    def _multiply(self, factors: list[int]) -> int:
        ordered = sorted(factors)
        value = ordered[0]
        for factor in ordered[1:]:
            value = self.step("multiply", (value, factor), self.steps[value].shape)
        return value

    def _sum(self, factors: list[int]) -> int:
        ordered = sorted(factors)
        if len(ordered) == 1:
            return self.step("sum", (ordered[0],), ())
        return self.step("dot", (self._multiply(ordered[:-1]), ordered[-1]), ())


def _flops(operation: str, made: int, *read: int, terms: int) -> int:
    """Multiplications and additions of a step that makes and reads so many entries; a contraction has so many terms."""
    if operation == "diagonal":
        return 0
    if operation in ("rows", "columns", "sum"):
        return read[0] - made
    if operation in ("apply", "apply_transposed", "dot"):
        return 2 * read[0] - made
    if operation in ("product", "product_transposed", "transposed_product"):
        return made * (2 * isqrt(read[0] * read[1] // made) - 1)
    if operation.startswith("contract"):
        return terms * len(read)
    return made


def _terms(operation: str, read: list[Shape], sizes: tuple[int, ...]) -> int:
    """How many terms a general contraction adds up."""
    if not operation.startswith("contract"):
        return 0
    names = operation.split()[1].removesuffix("->").split(",")
    kinds = dict(pair for word, shape in zip(names, read, strict=True) for pair in zip(word, shape, strict=True))
    return prod(sizes[kind] for kind in kinds.values())


def operation_counts(plan: Plan) -> dict[str, int]:
    """Count the occurrences of each operation in a plan.

    >>> operation_counts(plan((Multigraph([(0, 1)]),)))
    {'input': 1, 'rows': 1, 'sum': 1}
    """
    return dict(Counter(step.operation for step in plan.steps))
