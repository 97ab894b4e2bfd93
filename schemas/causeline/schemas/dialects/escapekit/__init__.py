"""EscapeKit audit service: the vocabulary that both sides share."""
