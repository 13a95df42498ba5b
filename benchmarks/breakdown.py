"""Where the time of evaluating all 361 invariants goes: the parts of the compiled programs, each run by itself.

python benchmarks/breakdown.py     (half a minute; Linux)

A part is the program with the other instructions taken out, run in the workspace that the whole program has filled
(numbers may overflow there, which takes no longer). One thread; the fastest of several rounds, in which the parts take
turns. "Whole" is the program, which `evaluate` calls; "sum" is that of the parts.

input: laying matrices out. products: of two matrices. passes: all other operations on matrices. dots: of vectors, and
products of scalars. output: writing the results to memory, which large matrices do as part of the dots.
"""

from __future__ import annotations

import math

import numpy as np
from evaluation import ALL, BATCHES, PRODUCTS, arithmetic, best_times, normal, peak_arithmetic

from pigmm.invariants import evaluate
from pigmm.invariants.evaluation.kernels.lanes import loops as lane_loops
from pigmm.invariants.evaluation.kernels.lanes import table as lane_table
from pigmm.invariants.evaluation.kernels.lanes.program import assemble_lanes
from pigmm.invariants.evaluation.kernels.plan import plan
from pigmm.invariants.evaluation.kernels.strips import loops as strip_loops
from pigmm.invariants.evaluation.kernels.strips import table as strip_table
from pigmm.invariants.evaluation.kernels.strips.program import assemble_strips
from pigmm.simd import aligned_empty

LARGEST_IN_LANES = 24


def lane_parts(size, batch):
    """Functions that run the parts of the program for matrices side by side."""
    program = assemble_lanes(plan(ALL), (size,))
    workspace = aligned_empty(program.workspace)
    place, length = program.ones
    workspace[place : place + length * lane_table.WIDTH] = 1
    matrices, results = normal(batch, 1, size, size), aligned_empty(batch * len(ALL)).reshape(batch, len(ALL))
    operations = np.array(lane_table.OPERATIONS)[program.code[:, lane_table.OPERATION]]

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
        "M M": run(program.code[operations == "product"], False, nowhere),
        "passes": run(program.code[~inputs & ~products], False, nowhere),
        "dots": run(none, True, nowhere),
        "output": run(none, False, results),
    }


def strip_parts(size, batch):
    """Functions that run the parts of the program for one matrix in strips."""
    program = assemble_strips(plan(ALL), (size,))
    workspace = aligned_empty(program.workspace)
    workspace[:] = 0
    matrices, results = normal(batch, 1, size, size), np.zeros((batch, len(ALL)))
    operations = program.code[:, strip_table.OPERATION]
    # the one that is not symmetric
    plain = (operations == strip_table.PRODUCT) & (program.code[:, strip_table.SYMMETRIC] == 0)
    part = np.empty(len(program.code), dtype="U8")
    step = 0
    while step < len(program.code):
        operation = operations[step]
        following = step + 1 + (program.code[step, strip_table.STEPS] if operation == strip_table.PASS else 0)
        multiplied = operation in (strip_table.PRODUCT, strip_table.MIRROR)
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
        "M M": run(*nothing, program.code[plain], False),
        "passes": run(*nothing, program.code[part == "passes"], False),
        "dots": run(*nothing, none, True),
    }


def main() -> None:
    """Print the table."""
    operations, arithmetic_alone = peak_arithmetic()
    names = ("input", "products", "passes", "dots", "output")
    print(
        "microseconds a matrix, one thread; on the right Gflop/s: of the product M M alone, of all three, of the passes"
    )
    print("and dots, and the most that the processor reaches in registers")
    print(f"{'N':>4}{'evaluate':>10}{'whole':>10}" + "".join(f"{name:>10}" for name in (*names, "sum")), end="")
    print(f"{'M M':>7}{'products':>10}{'others':>8}{'peak':>6}")
    for size, batch, _ in BATCHES:
        parts = lane_parts(size, batch) if size <= LARGEST_IN_LANES else strip_parts(size, batch)
        parts["whole"]()  # compiled, and the workspace filled
        matrices = normal(batch, size, size)
        out = evaluate(matrices, ALL)
        parts |= {"evaluate": lambda m=matrices, o=out: evaluate(m, ALL, out=o), "peak": arithmetic_alone}
        best = best_times({name: (1, function) for name, function in parts.items()}, rounds=15)
        times = {name: best[name] / batch for name in parts}
        columns = [
            times["evaluate"],
            times["whole"],
            *(times.get(name, math.nan) for name in names),
            sum(times.get(n, 0) for n in names),
        ]
        print(f"{size:4}" + "".join(f"{1e6 * column:10.2f}" for column in columns).replace("nan", "  -"), end="")
        products, others = arithmetic(size)
        rates = (
            size**2 * (2 * size - 1) / times["M M"],
            products / times["products"],
            others / (times["passes"] + times["dots"]),
            operations / best["peak"],
        )
        print("{:7.0f}{:10.0f}{:8.0f}{:6.0f}".format(*(rate / 1e9 for rate in rates)))


if __name__ == "__main__":
    main()
