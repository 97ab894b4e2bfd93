"""One module for each event API that clients already speak: parse, validate, normalize, answer."""
