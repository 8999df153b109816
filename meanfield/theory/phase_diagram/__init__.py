"""The fields of an `Analysis` on a grid of sigma_w and sigma_b."""
