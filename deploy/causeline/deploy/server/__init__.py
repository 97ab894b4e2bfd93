"""One server process: the HTTP shell, its bounds, its routes, how it starts and stops."""
