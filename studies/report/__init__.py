"""From the tables of a study to its page: headline, findings, figures."""
