"""ApiTraffic event markers, reading."""
