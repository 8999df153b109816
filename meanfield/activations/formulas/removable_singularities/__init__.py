"""Values of a formula at and beside its removable singularities, and where floats overflow."""
