"""Matrices as representations of the symmetric group: invariant tensors, irreps, spaces of matrices."""
