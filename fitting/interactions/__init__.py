"""Beyond Gaussian: effective interactions of matrices, fitted by score matching, sampled, and their predictions."""
