"""One look for figures, drawings of graphs, and figures inside pages."""
