"""Fixed points of the variance and the correlation map, their slopes and depth scales."""
