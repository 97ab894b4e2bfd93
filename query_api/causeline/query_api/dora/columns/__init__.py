"""Histories as columns: for what only sums, and is too much to be made an object each. They sum to what `history.py` sums to."""
