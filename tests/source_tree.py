"""Where the sources lie, for the tests that read them."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
SLICES: Final = ("schemas", "ingest", "processors", "query_api", "deploy")
"""The folders of the five slices, each a portion of the namespace `causeline`."""
