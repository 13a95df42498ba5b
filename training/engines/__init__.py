"""What trains a block of networks: the compiled engine, the torch engine, and their plain twin."""
