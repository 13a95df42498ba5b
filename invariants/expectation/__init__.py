"""Exact Gaussian expectation values of invariants: Wick's theorem, symbolic and compiled results, covariances."""
