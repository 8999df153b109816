"""Descriptions of layers, one family a file."""
