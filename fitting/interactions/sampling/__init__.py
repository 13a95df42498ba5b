"""Hamiltonian Monte Carlo: chains, the mass of their momenta, and how well they have mixed."""
