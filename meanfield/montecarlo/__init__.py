"""Finite width: draw a network of the same description with NumPy and run it."""
