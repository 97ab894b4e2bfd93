"""Tracker: events."""
