"""What several APIs do with a body: strict JSON."""
