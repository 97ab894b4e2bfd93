"""`causeline deliveries`: what became of notifications."""
