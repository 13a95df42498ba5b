"""How the tensors of a network are read as matrices: pieces, heads, products, groups."""
