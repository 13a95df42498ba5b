"""Distances between models and between samples: closed forms, null bands, optimal transport, trajectories."""
