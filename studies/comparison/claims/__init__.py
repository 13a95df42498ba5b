"""Claims of arXiv:2510.05218, one a file: a record of the measurement with its verdict, said by a template."""
