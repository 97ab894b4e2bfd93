"""The commands that work beside a running system."""
