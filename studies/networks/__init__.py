"""One trained network: its tensors read as matrices, each analysed by itself."""
