"""Derivatives of invariants as invariants: arcs are removed, and their ends joined."""
