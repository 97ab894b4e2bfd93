"""The writing side of the event APIs, a folder each: bytes to records, outcomes to answers. `all.py` lists them."""
