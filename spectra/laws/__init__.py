"""Laws of eigenvalues of large matrices: their transforms, free sums, and the outliers of spiked models."""
