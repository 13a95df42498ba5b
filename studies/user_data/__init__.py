"""Matrices from anywhere: read, fitted, reported."""
