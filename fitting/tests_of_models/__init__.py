"""Tests of fitted models: comparison with the invariants, bootstrap, nested models, symmetry, invariance."""
