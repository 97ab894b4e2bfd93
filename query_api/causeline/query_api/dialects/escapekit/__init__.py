"""EscapeKit audit service, reading."""
