"""Tracker, reading."""
