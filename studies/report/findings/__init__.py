"""What a study found: numbers and verdicts, and the sentences that state them."""
