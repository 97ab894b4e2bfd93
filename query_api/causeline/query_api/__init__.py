"""Queries: events, problems, transitions and the correlation window, read from ClickHouse only."""
