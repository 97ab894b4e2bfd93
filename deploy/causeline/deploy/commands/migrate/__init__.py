"""`causeline migrate`: the tables of this version."""
