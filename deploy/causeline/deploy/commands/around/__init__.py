"""`causeline around`: which change did a problem, in a terminal."""
