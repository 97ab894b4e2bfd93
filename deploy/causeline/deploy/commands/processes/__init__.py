"""The commands that run until they are stopped: `up`, `server`, `processors`, `deliver`."""
