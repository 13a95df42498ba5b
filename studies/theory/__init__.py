"""The theory without data: catalogue, listings and exact expectation values."""
