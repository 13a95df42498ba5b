"""The studies of arXiv:2510.05218: one TOML file each, read as configurations."""
