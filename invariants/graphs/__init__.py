"""Directed multigraphs, the labels of invariants: canonical form, families, enumeration, counting, change of basis."""
