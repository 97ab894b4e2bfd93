"""The reads of each API."""
