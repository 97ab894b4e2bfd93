"""The log as the queries need it, on Kafka."""
