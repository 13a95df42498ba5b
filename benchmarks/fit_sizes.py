"""Time and memory of `pigmm fit` on many and on large matrices.

python benchmarks/fit_sizes.py                     (three files of 200 to 400 MB, some minutes)
python benchmarks/fit_sizes.py --shapes 2000x160

Each file has normal entries of float32, seeded; the fit has the default options and is a process of its own. Printed
are the time by the clock, the processor time of all its threads, and the largest memory that it held at a time.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

SHAPES = ("200x640", "2000x160", "1000000x10")
PIGMM = "from pigmm.studies.cli.main import main; main()"


def write_matrices(path: Path, count: int, size: int) -> None:
    """Write `count` matrices, a few at a time: what this process holds counts as the fit's memory."""
    rng = np.random.default_rng(0)
    matrices = np.lib.format.open_memmap(path, "w+", np.float32, (count, size, size))
    step = max(1, (1 << 20) // size**2)
    for first in range(0, count, step):
        part = matrices[first : first + step]
        part[...] = rng.standard_normal(part.shape, dtype=np.float32)
        matrices.flush()


def fit(path: Path, output: Path) -> tuple[float, float, float]:
    """Seconds, processor seconds and megabytes of `pigmm fit`."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", PIGMM, "fit", str(path), "--output", str(output)], stdout=-3)
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0, f"pigmm fit ended with status {status}"
    return time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1e3


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--shapes", nargs="+", default=SHAPES, help="COUNTxSIZE each")
    print(f"{'matrices':>10}{'size':>6}{'seconds':>10}{'processor s':>13}{'peak MB':>9}")
    for shape in parser.parse_args().shapes:
        count, size = map(int, shape.split("x"))
        with TemporaryDirectory() as folder:
            path = Path(folder) / "matrices.npy"
            write_matrices(path, count, size)
            seconds, processor, peak = fit(path, Path(folder) / "fit")
        print(f"{count:10}{size:6}{seconds:10.1f}{processor:13.1f}{peak:9.0f}", flush=True)


if __name__ == "__main__":
    main()
