"""Hessians of batches, H = s(b) X + A: how noise and outliers depend on the batch size b, and what a step feels."""
