"""The number of float64 in a vector of the compiled loops."""

from __future__ import annotations

import numpy as np

from ....simd import lanes

WIDTH = lanes(np.float64)
