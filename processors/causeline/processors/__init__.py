"""Processors: exactly-once folds of the ingest log into public events, problems and the ClickHouse tables."""
