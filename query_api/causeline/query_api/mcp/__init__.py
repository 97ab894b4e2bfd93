"""What a language model is shown."""
