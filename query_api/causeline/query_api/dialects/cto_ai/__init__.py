"""CTO.ai lifecycle events, reading."""
