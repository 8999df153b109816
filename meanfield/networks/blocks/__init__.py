"""Blocks by name: the layers that published networks repeat, with the weights that they draw."""
