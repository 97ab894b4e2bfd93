"""`causeline subscriptions`: who is told of what."""
