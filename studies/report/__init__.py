"""The way from the tables of a study to its page: headline, findings, figures."""
