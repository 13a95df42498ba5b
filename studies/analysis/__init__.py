"""From a trained ensemble to tables: each layer, and what follows from the layers'."""
