"""`causeline token`: who may call."""
