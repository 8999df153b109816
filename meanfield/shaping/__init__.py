"""Activations shaped for depth: d·(φ(ax + b) + c) with a, b, c, d chosen for a network."""
