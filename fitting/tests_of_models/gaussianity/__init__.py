"""Tests whether matrices are those of the fitted Gaussian: comparison with the invariants, and the bootstrap."""
