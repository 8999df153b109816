"""Activation functions: catalogue, formulas, callables, their moments and closed forms."""
