"""EscapeKit audit service, writing."""
