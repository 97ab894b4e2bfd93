"""Tracker, writing."""
