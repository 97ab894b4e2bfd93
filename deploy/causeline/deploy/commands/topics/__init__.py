"""`causeline topics`: what the topics promise."""
