"""CTO.ai lifecycle events, writing."""
