"""The way from a trained ensemble to tables: each layer, and the tables that all layers make together."""
