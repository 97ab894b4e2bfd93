"""The paths of the DESK Events API v1, on the tenant's own host and below an environment."""

from typing import Final

EVENT_PATHS: Final = ("/api/v1/events", "/e/{env}/api/v1/events")
