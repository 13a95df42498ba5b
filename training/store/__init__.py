"""An ensemble on disk: the zarr store, and the lock that one writer holds."""
