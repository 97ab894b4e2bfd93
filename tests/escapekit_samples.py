"""The document's examples, and one event for each place that a query path can name."""

from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).parent / "fixtures" / "escapekit"
EVENT = (FIXTURES / "event.json").read_bytes()
EVENTS = (FIXTURES / "events.json").read_bytes()

CREATE = "/internal/create-event"
QUERY = "/api/v1/events/query"
SUBSCRIPTIONS = "/api/v1/events/subscriptions/project"

PLACED: dict[str, dict[str, Any]] = {
    "nowhere": {"type": "USER_SIGNUP", "inventory_project": "", "state_project": None},
    "inventory": {"type": "CREATE_INVENTORY_PROJECT", "inventory_project": "shop"},
    "namespace": {"type": "CREATE_INVENTORY_PROJECT", "inventory_namespace": "shop"},
    "application": {"type": "NEW_INVENTORY_APPLICATION", "inventory_project": "shop", "inventory_application": "web"},
    "version": {
        "type": "UPLOAD_INVENTORY_APPLICATION",
        "inventory_project": "shop",
        "inventory_application": "web",
        "inventory_version": "1.10",
    },
    "other inventory": {"type": "CREATE_INVENTORY_PROJECT", "inventory_project": "Shop", "inventory_version": "1.10"},
    "state": {"type": "CREATE_STATE_PROJECT", "state_project": "shop"},
    "environment": {"type": "CREATE_STATE_ENVIRONMENT", "state_project": "shop", "state_environment": "prod"},
    "deployment": {
        "type": "CREATE_STATE_DEPLOYMENT",
        "state_project": "shop",
        "state_environment": "prod",
        "state_deployment": "web",
    },
    "both": {
        "type": "UPDATE_STATE_DEPLOYMENT",
        "state_project": "shop",
        "state_environment": "prod",
        "state_deployment": "db",
        "inventory_project": "shop",
        "inventory_application": "web",
        "inventory_version": "1.1",
    },
    "odd names": {"type": "CREATE_STATE_PROJECT", "state_project": "a b?ü%41#"},
}

FOUND: dict[str, set[str]] = {
    "": set(PLACED),
    "/inventory": {"inventory", "namespace", "application", "version", "other inventory", "both"},
    "/inventory/shop": {"inventory", "namespace", "application", "version", "both"},
    "/inventory/Shop": {"other inventory"},
    "/inventory/shop/web": {"application", "version", "both"},
    "/inventory/shop/web/1.10": {"version"},
    "/inventory/shop/web/1.1": {"both"},
    "/inventory/nobody": set(),
    "/project": {"state", "environment", "deployment", "both", "odd names"},
    "/project/shop": {"state", "environment", "deployment", "both"},
    "/project/shop/prod": {"environment", "deployment", "both"},
    "/project/shop/prod/deployment": {"deployment", "both"},
    "/project/shop/prod/web": {"deployment"},
    "/project/shop/test/deployment": set(),
    "/project/a%20b%3F%C3%BC%2541%23": {"odd names"},
    "/project/nobody": set(),
}
"""What every query path finds of the events above."""


def placed() -> list[dict[str, Any]]:
    """Return the events, each with its name as its id."""
    return [{**event, "id": name} for name, event in PLACED.items()]
