"""ApiTraffic event markers: the vocabulary that both sides share."""
