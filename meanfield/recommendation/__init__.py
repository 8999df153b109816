"""Which weights to draw, why, and the code that draws them."""
