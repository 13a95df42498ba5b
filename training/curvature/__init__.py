"""Curvature of the loss: products with Hessian and Gauss-Newton matrix, dense matrices, and spectra."""
