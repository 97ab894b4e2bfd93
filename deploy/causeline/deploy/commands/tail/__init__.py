"""`causeline tail`: the stream in a terminal."""
