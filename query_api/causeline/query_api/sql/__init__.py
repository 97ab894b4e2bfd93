"""Questions to SQL, every value bound."""
