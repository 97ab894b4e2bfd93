"""The transactional runtime: partitions from assignment to revocation, exactly once."""
