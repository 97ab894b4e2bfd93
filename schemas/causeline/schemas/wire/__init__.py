"""Records as bytes: Avro in Confluent framing, the registry, what is read without decoding, headers, partitions."""
