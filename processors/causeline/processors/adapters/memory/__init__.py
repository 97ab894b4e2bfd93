"""The ports of the processors in memory: shipped twins, held to the same laws."""
