"""`causeline rebuild`: the tables made anew from the log."""
