"""Fuse the steps of a plan for the compiled kernels: products that are only summed are never stored."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from .plan import Plan, Step

_FUSED = {"hadamard": "row_dots", "hadamard_transposed": "row_dots_transposed"}


def fused(plan: Plan) -> Plan:
    """The same plan with row_dots A B (sum_j A_ij B_ij) in place of an entrywise product that only `rows` reads.

    >>> from pigmm.invariants.graphs.multigraph import Multigraph
    >>> from pigmm.invariants.evaluation.kernels.plan import plan
    >>> print(fused(plan((Multigraph([(0, 1), (0, 1)]),))))
    %0 = input
    %1 = row_dots %0 %0
    %2 = sum %1
    """
    readers: dict[int, set[str]] = defaultdict(set)
    for step in plan.steps:
        for i in step.inputs:
            readers[i].add(step.operation)
    steps: list[Step] = []
    numbers: dict[int, int] = {}
    for number, step in enumerate(plan.steps):
        if step.operation in _FUSED and readers[number] == {"rows"}:
            continue
        if step.operation == "rows" and step.inputs[0] not in numbers:
            product = plan.steps[step.inputs[0]]
            step = Step(_FUSED[product.operation], product.inputs, step.shape)
        numbers[number] = len(steps)
        steps.append(replace(step, inputs=tuple(numbers[i] for i in step.inputs)))
    return Plan(tuple(steps), tuple(numbers[output] for output in plan.outputs))
