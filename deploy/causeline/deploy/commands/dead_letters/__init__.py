"""`causeline dlq`: what was set aside."""
