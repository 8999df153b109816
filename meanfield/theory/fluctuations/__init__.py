"""Finite width to first order in 1/width: variances and shifts of signals and gradients over random networks."""
