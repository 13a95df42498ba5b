"""Findings about one ensemble of a user's matrices: a record each, said by a template of the report."""
