"""Location of the kinks and jumps of a black-box function."""
