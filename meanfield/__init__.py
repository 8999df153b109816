"""Analytic signal propagation in deep networks."""
