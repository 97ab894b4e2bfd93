"""A JSON object in memory, wherever its members are not ours to name."""

from typing import Any

Json = dict[str, Any]
