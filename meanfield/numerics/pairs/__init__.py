"""Expectations over two correlated Gaussians."""
