"""One module a page: what it asks, and the values of its template. Its last constant are its routes."""
