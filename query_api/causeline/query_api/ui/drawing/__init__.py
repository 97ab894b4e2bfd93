"""Pictures: pure functions from values to SVG, positioned by attributes and coloured by class, each mark a link with a name."""
