"""Function forms of two-layer ReLU networks: their Fisher matrix, its eigenvalues and eigenvectors."""
