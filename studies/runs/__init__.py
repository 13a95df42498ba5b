"""The folder of a study: files, finished steps, provenance, progress."""
