"""ApiTraffic's paths, and how OpenAPI describes what stands in them: the same for the writing and the reading side."""

from typing import Any, Final

ACCOUNT_EVENTS_PATH: Final = "/v1/accounts/{accountSid}/events"
ACCOUNT_EVENT_PATH: Final = f"{ACCOUNT_EVENTS_PATH}/{{eventSid}}"


def _path(name: str, description: str, pattern: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "description": description, "schema": {"type": "string", "pattern": pattern}}


ACCOUNT_SID: Final = _path("accountSid", "Account, which is the tenant", "^acc_[0-9A-Za-z]{1,64}$")
EVENT_SID: Final = _path("eventSid", "Event identifier", "^evt_[0-9A-Za-z]+$")

REFUSED: Final[dict[str, Any]] = {
    "400": {"description": "A field or parameter breaks a rule: {error: {message, fields}}"},
    "404": {"description": "No such account or event: {error: {message, fields}}"},
    "503": {"description": "Not now; repeat after Retry-After seconds: {error: {message, fields}}"},
}
