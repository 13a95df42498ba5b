"""Tests of a single matrix given its trivial components."""
