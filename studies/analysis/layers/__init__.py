"""The tables of one layer, snapshot by snapshot."""
