"""`causeline dora`: DORA metrics with what they counted, in a terminal."""
