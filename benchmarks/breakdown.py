"""Where the time of evaluating all 361 invariants goes: the parts of the compiled programs, each run by itself.

python benchmarks/breakdown.py     (about a minute; Linux)

A part is the program with the other instructions taken out, run in the workspace that the whole program has filled. One
thread; the fastest of several rounds, in which the parts take turns. "Sum" is that of the parts.

input: laying matrices out. products: of two matrices. passes: all other operations on matrices. dots: of vectors, and
products of scalars. output: writing the results to memory, which large matrices do as part of the dots.
"""

from __future__ import annotations

import math

import numpy as np
from evaluation import ALL, BATCHES, PRODUCTS, arithmetic, best_times, normal

from pigmm.invariants.kernels import lane_loops, strip_loops
from pigmm.invariants.kernels.lanes import assemble_lanes
from pigmm.invariants.kernels.plan import plan
from pigmm.invariants.kernels.strips import assemble_strips
from pigmm.simd import WIDTH, aligned_empty

LARGEST_IN_LANES = 24


def lane_parts(size, batch):
    """Functions that run the parts of the program for matrices side by side."""
    program = assemble_lanes(plan(ALL), (size,))
    workspace = aligned_empty(program.workspace)
    place, length = program.ones
    workspace[place : place + length * WIDTH] = 1
    matrices, results = normal(batch, 1, size, size), aligned_empty(batch * len(ALL)).reshape(batch, len(ALL))
    operations = np.array(lane_loops.OPERATIONS)[program.code[:, 0]]

    def run(code, scalars, out):
        dots, times = (program.dots, program.times) if scalars else (program.dots[:0], program.times[:0])
        tables = code, dots, times, program.outputs, program.buffer
        return lambda: lane_loops.run(*tables, workspace, workspace.ctypes.data, matrices, out)

    none, nowhere = program.code[:0], results[:, :0]
    inputs, products = operations == "input", np.isin(operations, PRODUCTS)
    return {
        "whole": run(program.code, True, results),
        "input": run(program.code[inputs], False, nowhere),
        "products": run(program.code[products], False, nowhere),
        "passes": run(program.code[~inputs & ~products], False, nowhere),
        "dots": run(none, True, nowhere),
        "output": run(none, False, results),
    }


def strip_parts(size, batch):
    """Functions that run the parts of the program for one matrix in strips."""
    program = assemble_strips(plan(ALL), (size,))
    workspace = program.new_workspace()
    matrices, results = normal(batch, 1, size, size), np.zeros((batch, len(ALL)))
    part = np.empty(len(program.code), dtype="U8")
    step = 0
    while step < len(program.code):
        operation = program.code[step, 0]
        following = step + 1 + (program.code[step, 1] if operation == strip_loops.PASS else 0)
        multiplied = operation in (strip_loops.PRODUCT, strip_loops.MIRROR)
        part[step:following] = "products" if multiplied else "passes"
        step = following

    def run(inputs, vectors, code, scalars):
        tables = program.dots, program.times, program.outputs
        tables = tables if scalars else tuple(table[:0] for table in tables)
        return lambda: strip_loops.run(inputs, vectors, code, *tables, program.parts, workspace, matrices, results)

    none, nothing = program.code[:0], (program.inputs[:0], (0, 0))
    return {
        "whole": run(program.inputs, program.vectors, program.code, True),
        "input": run(program.inputs, program.vectors, none, False),
        "products": run(*nothing, program.code[part == "products"], False),
        "passes": run(*nothing, program.code[part == "passes"], False),
        "dots": run(*nothing, none, True),
    }


def main() -> None:
    """Print the table."""
    print("microseconds a matrix, one thread")
    names = ("input", "products", "passes", "dots", "output")
    print(f"{'N':>4}{'whole':>10}" + "".join(f"{name:>10}" for name in names), end="")
    print(f"{'sum':>10}{'products, Gflop/s':>20}{'others, Gflop/s':>18}")
    for size, batch, _ in BATCHES:
        parts = lane_parts(size, batch) if size <= LARGEST_IN_LANES else strip_parts(size, batch)
        parts["whole"]()  # compiled, and the workspace filled
        best = best_times({name: (1, function) for name, function in parts.items()}, rounds=9)
        times = {name: 1e6 * best[name] / batch for name in parts}
        print(f"{size:4}{times['whole']:10.2f}", end="")
        print("".join(f"{times.get(name, math.nan):10.2f}" for name in names).replace("nan", "  -"), end="")
        products, others = arithmetic(size)
        print(f"{sum(times.values()) - times['whole']:10.2f}{products / times['products'] / 1e3:20.1f}", end="")
        print(f"{others / (times['passes'] + times['dots']) / 1e3:18.1f}")


if __name__ == "__main__":
    main()
