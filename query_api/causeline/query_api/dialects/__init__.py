"""The reading side of the event APIs, a folder each: parameters to questions, rows to answers. `all.py` lists them."""
