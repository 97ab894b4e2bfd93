"""The native API: how records are shown, by both sides and to subscribers."""
