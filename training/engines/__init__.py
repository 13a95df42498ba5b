"""Engines that train a block of networks: the compiled one, the torch engine, and their plain twin."""
