"""Functions of NumPy, torch or JAX arrays as functions of float64 arrays, tried once and guarded at every call."""
