"""DORA metrics: what a tenant's deployments were, which of them failed, and numbers that say what they counted. Pure."""
