"""ApiTraffic event markers, writing."""
