"""The pages that people open: what the API answers, drawn on the server, usable without script, by keyboard and in any width."""
