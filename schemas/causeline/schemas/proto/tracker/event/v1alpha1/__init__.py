"""Tracker: events, version v1alpha1."""
