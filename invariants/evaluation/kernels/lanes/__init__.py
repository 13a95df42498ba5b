"""Small matrices, eight side by side: programs of a plan and of its gradient, and the loops that run them."""
