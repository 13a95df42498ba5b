"""Models on blocks: sufficient statistics, maximum likelihood, sampling laws, intervals, storage."""
