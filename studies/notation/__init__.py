"""How parameters, numbers and p-values are written."""
