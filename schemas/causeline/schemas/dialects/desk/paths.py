"""The paths of the DESK Events API v1, of both its editions."""

from typing import Final

SAAS_EVENTS_PATH: Final = "/api/v1/events"
MANAGED_EVENTS_PATH: Final = "/e/{env}/api/v1/events"
EVENT_PATHS: Final = (SAAS_EVENTS_PATH, MANAGED_EVENTS_PATH)
