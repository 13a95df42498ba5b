"""What a loss surface shows: records of numbers and verdicts, said by templates."""
