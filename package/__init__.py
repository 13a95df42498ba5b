"""Permutation-invariant Gaussian matrix models: exact invariants, fast kernels, fits of trained weights.

The rooms are `pigmm.invariants`, `pigmm.fitting`, `pigmm.training` and `pigmm.studies`. Importing this package imports
none of them.
"""

from importlib.metadata import version

__version__ = version("pigmm")
