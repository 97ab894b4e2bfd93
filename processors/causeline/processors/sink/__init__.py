"""From the public topics into the tables."""
