"""Findings of a study: numbers and verdicts, and the sentences that state them."""
