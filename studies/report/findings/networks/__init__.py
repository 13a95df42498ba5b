"""Findings about the networks: accuracy, dead units, output classes, networks that did not train."""
