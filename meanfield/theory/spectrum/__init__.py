"""The law of the squared singular values of the Jacobian: density, edges, moments, isometry."""
