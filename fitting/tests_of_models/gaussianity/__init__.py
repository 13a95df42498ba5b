"""Are the matrices those of the fitted Gaussian? Comparison with the invariants, and the bootstrap."""
