"""Ingest: five dialects in, one normalized record on the log, an answer after the broker acknowledged."""
