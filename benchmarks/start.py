"""From the start of a process to the first result of all 361 invariants; and what importing the library costs.

python benchmarks/start.py     (about two minutes)

Cold: nothing compiled is cached (Numba's cache is an empty folder). Warm: the same again. Each is a process of its own,
timed from before it is started; of several, the fastest counts.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

FIRST_RESULT = """
import time
import numpy as np
from pigmm.invariants import evaluate, multigraphs
graphs = [graph for degree in (1, 2, 3, 4) for graph in multigraphs(degree)]
evaluate(np.random.default_rng(0).normal(size=(8, {size}, {size})), graphs)
print(time.time())
"""

IMPORTS = """
import sys, time
start = time.perf_counter()
import sympy, networkx, numba
others = time.perf_counter()
import pigmm.invariants
print(others - start, time.perf_counter() - others, "torch" in sys.modules)
"""


def output(code: str, cache: str | None = None) -> list[str]:
    """What a new process prints that runs the code, with Numba's cache in a given folder."""
    environment = os.environ | ({} if cache is None else {"NUMBA_CACHE_DIR": cache})
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return run.stdout.split()


def first_result(size: int, cache: str) -> float:
    """Seconds from before the start of a process to its first result."""
    start = time.time()
    return float(output(FIRST_RESULT.format(size=size), cache)[0]) - start


def main() -> None:
    """Print the tables."""
    print("seconds from the start of a process to the first result of all 361 invariants of 8 matrices")
    print(f"{'N':>4}{'cold':>8}{'warm':>8}")
    for size in (10, 40):
        cold, warm = [], []
        for _ in range(2):
            with tempfile.TemporaryDirectory() as cache:
                cold.append(first_result(size, cache))
                warm += [first_result(size, cache) for _ in range(3)]
        print(f"{size:4}{min(cold):8.2f}{min(warm):8.2f}")
    output(IMPORTS)  # from disk into memory
    imports = [output(IMPORTS) for _ in range(3)]
    others, ours = (min(float(line[column]) for line in imports) for column in (0, 1))
    print(f"import sympy, networkx, numba: {others:.2f} s; then pigmm.invariants: {ours:.2f} s;", end=" ")
    print("torch is imported" if any(line[2] == "True" for line in imports) else "torch is not imported")


if __name__ == "__main__":
    main()
