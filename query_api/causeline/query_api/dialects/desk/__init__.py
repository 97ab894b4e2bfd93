"""DESK Events API v1, reading."""
