"""The tables of named activations, one row for each."""
