"""Notation of parameters, numbers and p-values."""
