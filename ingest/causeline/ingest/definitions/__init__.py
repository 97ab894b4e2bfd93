"""`/v1/dora/definition`: what a tenant's DORA metrics mean, in versions."""
