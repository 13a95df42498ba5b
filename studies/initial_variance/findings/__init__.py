"""What a study of the initial variance found: records of numbers, said by templates."""
