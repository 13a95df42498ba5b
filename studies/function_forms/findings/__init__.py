"""What a study of function forms found: records of numbers and verdicts, said by templates."""
