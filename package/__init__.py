"""Permutation-invariant Gaussian matrix models: exact invariants, fast kernels, fits of trained weights.

The rooms are `pigmm.invariants`, `pigmm.fitting`, `pigmm.spectra`, `pigmm.training` and `pigmm.studies`. Importing this
package imports none of them.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    __version__: str


def __getattr__(name: str) -> str:
    # looked up when it is asked for: no command waits for it
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import version

    return version("pigmm")
