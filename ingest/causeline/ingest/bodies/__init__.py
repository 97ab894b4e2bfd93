"""What several APIs do with a body: strict JSON (exact or fast), one object or many, and models that judge."""
