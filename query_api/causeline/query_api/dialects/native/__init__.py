"""The native API, reading."""
