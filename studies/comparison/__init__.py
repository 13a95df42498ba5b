"""Finished runs side by side, and the claims of arXiv:2510.05218 judged by them."""
