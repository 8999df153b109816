"""Functions of NumPy, torch or JAX arrays as activations: tried once, guarded at every call."""
