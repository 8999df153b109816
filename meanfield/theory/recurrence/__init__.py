"""Recurrent cells as maps in time."""
