"""Where a function given as a black box has its kinks and jumps."""
