"""What the maps assume of a block, and the refusal of blocks for which it does not hold."""
