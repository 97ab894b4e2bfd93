"""CTO.ai lifecycle events: the vocabulary that both sides share."""
