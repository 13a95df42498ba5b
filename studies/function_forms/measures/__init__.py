"""The measurements: eigenspaces, inner products, descent, widths, and the Gaussian model of Fisher matrices."""
