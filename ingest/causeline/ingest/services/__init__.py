"""`/v1/services`: the services of a tenant and what they depend on, written to the configuration."""
