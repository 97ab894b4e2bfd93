"""`causeline settings`: what a process would run with."""
