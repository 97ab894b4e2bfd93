"""The ports of ingest on Kafka."""
