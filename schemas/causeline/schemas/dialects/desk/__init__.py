"""DESK Events API v1: the vocabulary that both sides share."""
