"""Delivery workers: what is done for each piece of work that the delivery state hands out."""
