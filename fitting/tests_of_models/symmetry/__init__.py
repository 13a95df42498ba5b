"""Which symmetry do the matrices have? Nested models, randomisation, and invariance of the moments."""
