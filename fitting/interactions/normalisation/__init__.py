"""Has a density with couplings a normalisation? The terms of highest degree far from the origin."""
