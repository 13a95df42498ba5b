"""Claims of arXiv:2510.05218, one a file: a record of what a run measures with its verdict, said by a template."""
