"""Values of invariants on matrices: arrays, tensors, chunked sources, gradients and moments."""
