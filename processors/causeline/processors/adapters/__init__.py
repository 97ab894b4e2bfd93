"""The edges of the processors: Kafka and ClickHouse, and their in-memory twins."""
