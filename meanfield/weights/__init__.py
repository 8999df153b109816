"""Measuring weight matrices that are given."""
