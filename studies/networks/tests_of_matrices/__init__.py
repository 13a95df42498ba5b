"""The tests of every matrix, of like matrices together, and of two checkpoints."""
