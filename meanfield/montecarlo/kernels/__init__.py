"""The same families of layer as in the theory, as NumPy forward and backward passes."""
