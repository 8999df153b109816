"""Named initialisation schemes, and measuring weights that are given."""
