"""Every field of an analysis on a grid of sigma_w and sigma_b."""
