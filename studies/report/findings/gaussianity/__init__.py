"""Findings about departures from Gaussian weights, and from their law at initialisation."""
