"""Formulas in x: text to SymPy through a whitelist, SymPy to NumPy functions that neither cancel nor overflow."""
