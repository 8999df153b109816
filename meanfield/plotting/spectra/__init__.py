"""Figures of squared singular values."""
