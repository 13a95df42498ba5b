"""Figures, sections and pages of one network and of two checkpoints."""
