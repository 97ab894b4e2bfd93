"""The ports of ingest in memory: shipped twins, held to the same laws."""
