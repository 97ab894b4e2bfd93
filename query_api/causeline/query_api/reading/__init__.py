"""Reads that see what was written before them, and whose turn it is."""
