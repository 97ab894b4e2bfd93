"""Where downloads are kept. A file of its own: settings name the folder, and what downloads is loaded by the first start alone."""

from collections.abc import Mapping
from pathlib import Path


def default_cache(environment: Mapping[str, str]) -> Path:
    """Return the folder for downloads: CAUSELINE_CACHE, else `causeline` under XDG_CACHE_HOME, else ~/.cache/causeline."""
    if text := environment.get("CAUSELINE_CACHE"):
        return Path(text).expanduser().absolute()
    base = environment.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "causeline"
