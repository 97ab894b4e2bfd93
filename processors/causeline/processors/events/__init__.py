"""The decisions on the ingest log: duplicates, versions, problems, who is told."""
