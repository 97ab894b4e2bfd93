"""Who is asking, and what they may: credentials to principals, origins, tokens."""
