"""What does a single matrix say? Tests given its trivial components."""
