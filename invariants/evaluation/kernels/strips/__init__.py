"""Larger matrices, one at a time in strips of eight rows: programs of a plan and of its gradient, and their loops."""
