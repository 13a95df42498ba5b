"""The reading of the tensors of a network in few lines: layers whose names differ in numbers together."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Sequence

from ...notation.plain_text import say
from .plan import Plan

_NUMBER = re.compile(r"((?<![A-Za-z])|(?<=_l))\d+")


def pattern(name: str) -> str:
    """A name with a star for each number that is a word of its own, or that of a layer in torch's names.

    >>> pattern("layers.3.q.weight^T layers.3.k.weight (head 7)"), pattern("weight_hh_l0[2]")
    ('layers.*.q.weight^T layers.*.k.weight (head *)', 'weight_hh_l*[*]')
    """
    return _NUMBER.sub("*", name)


def differences(names: Sequence[str]) -> list[str]:
    """The numbers by which like names differ; of several that go together the first.

    >>> differences(["l.0.q^T l.0.k (head 2)", "l.1.q^T l.1.k (head 3)"])
    ['0, 2', '1, 3']
    """
    columns = zip(*(tuple(found.group() for found in _NUMBER.finditer(name)) for name in names), strict=True)
    different = [column for column in dict.fromkeys(columns) if len(set(column)) > 1]
    return [", ".join(row) for row in zip(*different, strict=True)]


def readings(plan: Plan) -> list[str]:
    """One line for all tensors that are read in the same way: names, number and shape of the matrices, and why.

    >>> import numpy as np
    >>> from pigmm.studies.networks.reading.plan import plan_of
    >>> readings(plan_of({f"h.{k}.conv.weight": np.ones((8, 4, 3)) for k in range(2)} | {"bias": np.ones(8)}))
    ['h.*.conv.weight: 6 x (8 x 4), 3 taps of a convolution, kernel 3', 'bias: passed over, 1 axis: a vector']
    """
    whole = (
        (pattern(plan.tensor_of[name]), " x ".join(map(str, shape)), plan.readings[plan.tensor_of[name]].why)
        for name, shape in plan.matrices.items()
    )
    lines = [
        f"{name}: {f'{count} x ({shape})' if count > 1 else shape}, {why}"
        for (name, shape, why), count in Counter(whole).items()
    ]
    lines += [
        f"{name}: {count if count > 1 else 'a'} product{'s' if count > 1 else ''}"
        for name, count in Counter(pattern(product.name) for product in plan.products).items()
    ]
    passed_over = ((pattern(name), why) for name, why in plan.passed_over.items())
    lines += [f"{name}: passed over, {why}" for (name, why), _ in Counter(passed_over).items()]
    return lines


def print_readings(plan: Plan) -> None:
    """Say on standard error how the tensors are read.

    Args:
        plan: of the network.
    """
    for line in readings(plan):
        say(line, sys.stderr)
