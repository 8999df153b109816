"""Infinite width: what follows from a description."""
