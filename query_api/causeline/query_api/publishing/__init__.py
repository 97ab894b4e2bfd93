"""Rankings of causes told, not only asked for: when one is made again, and how it gets onto `causeline.causes`."""
