"""Score matching: the invariants that K and b are made of, their statistics, and the estimate."""
