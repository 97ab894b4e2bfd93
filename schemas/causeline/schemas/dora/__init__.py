"""What a tenant counts as a deployment's failure, rework and recovery: the definition of its DORA metrics."""
