"""The edges of ingest: HTTP in, Kafka out, and their in-memory twins."""
