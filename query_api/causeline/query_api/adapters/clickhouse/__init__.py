"""The store of the queries on ClickHouse, embedded or a server."""
