"""`/v1/problems/{id}/causes/{event_id}/feedback`: what people say of a change in a problem, written to the configuration."""
