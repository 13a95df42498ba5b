"""The figures of a study, each from its tables."""
