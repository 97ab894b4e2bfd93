"""The delivery state: what is to be told to each subscription, in which order, and when it is tried (again). Pure; see `logic.py`."""
