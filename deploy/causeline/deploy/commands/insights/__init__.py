"""`causeline insights`: what became of a team's runs, in a terminal."""
