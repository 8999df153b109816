"""Products of free factors: the curve of the spectrum, its bands, moments, atoms and density."""
