"""Requests that workers make."""
