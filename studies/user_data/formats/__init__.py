"""Kinds of files: one module a kind, each from a path to the arrays stored there, read when they are asked for."""
