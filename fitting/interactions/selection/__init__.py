"""Selection of couplings: exact covariances of residuals, laws with couplings, and the steps."""
