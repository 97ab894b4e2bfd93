"""Causes: which change did a problem, or none. Pure: what is known comes in, a ranking with its reasons comes out."""
