"""The command pigmm."""
