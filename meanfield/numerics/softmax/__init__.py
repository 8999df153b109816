"""Moments of softmax rows whose scores are Gaussian, as in attention at infinite width."""
