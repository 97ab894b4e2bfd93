"""What lies on the topics and in the tables: the records as frozen structs."""
