"""Tracker: the vocabulary that both sides share."""
