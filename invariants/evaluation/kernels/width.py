"""How many float64 the compiled loops compute with at a time: a vector's."""

from __future__ import annotations

import numpy as np

from ....simd import lanes

WIDTH = lanes(np.float64)
