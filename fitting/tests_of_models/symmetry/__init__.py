"""Tests of the symmetry of matrices: nested models, randomisation, and invariance of the moments."""
