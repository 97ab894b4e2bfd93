"""The paths of CTO.ai that are not its alone."""

from typing import Final

SHARED_PATH: Final = "/api/v1/events"
"""DESK has it too: a body or a query says which API is meant."""
