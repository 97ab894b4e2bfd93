"""The edges of the queries: HTTP in, ClickHouse out, and their in-memory twins."""
