"""The ports of the queries in memory: shipped twins, held to the same laws."""
