"""Which symmetry do the weights have?"""
