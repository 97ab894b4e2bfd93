"""Vocabulary of each event API: its codes, how its JSON fills the normalized columns, and how it is shown again.

It lives beneath both the writing and the reading side because both need it: ingest answers with the event it stored,
processors merge a patch into a record they hold, and queries show rows in the API's own words.
"""
