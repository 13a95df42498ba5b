"""Plan the derivative of each graph by itself: the graph without an arc, its ends held, for each of its arcs.

All these share their parts with each other and with the values. Derivatives of connected graphs are made once; those of
products are combinations of their factors' derivatives, the values of the other factors the coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from ...graphs.multigraph import Multigraph
from .plan import Builder, Plan, Shape, Step


@dataclass(frozen=True, eq=False)
class Jacobian:
    """Steps of values and of parts, and then those that put derivatives together, each written out once it is there.

    Args:
        steps: the first `forward` make values and parts; the others are `zeros`, `add` and `add_diagonal` as of an
            `Adjoint`, and `write`, of a matrix.
        forward: number of steps before the derivatives.
        written: for each step that writes the graph and the colour whose derivative it is.
    """

    steps: tuple[Step, ...]
    forward: int
    written: dict[int, tuple[int, int]]

    def __str__(self) -> str:
        return str(Plan(self.steps, ()))


@lru_cache(maxsize=64)
def jacobian(graphs: tuple[Multigraph, ...]) -> Jacobian:
    """Plan the derivatives of graphs, all of one kind of matrices and of treewidth 2 at most.

    >>> print(jacobian((Multigraph([(0, 1), (1, 2)]),)))  # of the row sums times the column sums
    %0 = input
    %1 = rows %0
    %2 = columns %0
    %3 = dot %1 %2
    %4 = ones
    %5 = zeros
    %6 = add i,j %5 %4 %1
    %7 = add i,j %6 %2 %4
    %8 = write %7
    """
    builder = Builder()
    values = {part: builder.component(part) for graph in graphs for part in graph.components}
    parts: dict[Multigraph, list[tuple[int, str, tuple[int, ...]]]] = {
        graph: [(graph.colours[arc], *builder.opened(graph, arc)) for arc in range(graph.degree)] for graph in values
    }
    coefficients = [_coefficients(builder, graph, values) for graph in graphs]
    shapes: dict[int, Shape] = {step.colour: step.shape for step in builder.steps if step.operation == "input"}
    forward = len(builder.steps)
    steps = list(builder.steps)
    made: dict[Multigraph, dict[int, int]] = {}  # of a connected graph, by each colour
    written: dict[int, tuple[int, int]] = {}

    def put(operation: str, inputs: tuple[int, ...], colour: int) -> int:
        steps.append(Step(operation, inputs, shapes[colour]))
        return len(steps) - 1

    def collected(terms: list[tuple[int, str, tuple[int, ...]]]) -> dict[int, int]:
        found: dict[int, int] = {}
        for colour, names, inputs in terms:
            value = found[colour] if colour in found else put("zeros", (), colour)
            operation = "add_diagonal" if names == "diagonal" else f"add {names}"
            found[colour] = put(operation, (value, *inputs), colour)
        return found

    for number, graph in enumerate(graphs):
        for part in graph.components:
            if part not in made:
                made[part] = collected(parts[part])
        result = made[graph.components[0]]
        if not graph.is_connected:
            result = collected([(c, "ij,", (m, s)) for part, s in coefficients[number] for c, m in made[part].items()])
        for colour, matrix in result.items():
            written[put("write", (matrix,), colour)] = number, colour
    return Jacobian(tuple(steps), forward, written)


def _coefficients(builder: Builder, graph: Multigraph, values: dict[Multigraph, int]) -> list[tuple[Multigraph, int]]:
    """For each component of a disconnected graph the product of the values of the others."""
    found = []
    if not graph.is_connected:
        for place, part in enumerate(graph.components):
            others = sorted(values[other] for k, other in enumerate(graph.components) if k != place)
            product = others[0]
            for other in others[1:]:
                product = builder.step("times", (product, other), ())
            found.append((part, product))
    return found
