"""DESK Events API v1, writing."""
