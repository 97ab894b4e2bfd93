"""Those who follow the log: one reader, many streams."""
