"""The native API, writing."""
