"""The ports of the processors on Kafka."""
