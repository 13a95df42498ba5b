"""Findings about the symmetry of the weights."""
