"""Numerical analysis without any notion of a network: quadrature, Gaussian pairs, solvers, breakpoints, statistics."""
