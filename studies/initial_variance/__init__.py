"""The variance of initial weights that training leaves as it is, and whether networks learn best from it."""
