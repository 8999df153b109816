"""Gaussian quadrature of functions that are smooth in pieces."""
