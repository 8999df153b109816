"""Gaussian moments of formulas with a proven truncation error, by discs in the complex plane."""
