"""Roots, fixed points, and polynomial surrogates of costly functions."""
