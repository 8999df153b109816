"""Weights and biases for which gradients keep their size: critical lines and points."""
