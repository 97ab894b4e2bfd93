"""Schemas: the records, topics, tables, metrics and errors that every other slice reads, each stated once."""
