"""Named initialisation schemes: samplers with their exact scale, and their signals at depth."""
