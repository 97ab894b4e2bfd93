"""Payloads of the DESK Events API v1 for tests, made from the tables of its document (`fixtures/desk`), not from the package's data."""

import json
from itertools import count
from pathlib import Path
from typing import Any, Final

from causeline.ingest.dialects.desk import writes as desk
from causeline.ingest.dialects.desk.body import DeskRules
from causeline.schemas.records.event import Event
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.values import ids
from causeline.schemas.wire import codec

FIXTURES: Final = Path(__file__).parent / "fixtures" / "desk"
DOCUMENT_BODY: Final[dict[str, Any]] = json.loads((FIXTURES / "post-event.json").read_text())
POSSIBLE_VALUES: Final[dict[str, list[str]]] = json.loads((FIXTURES / "possible_values.json").read_text())

COLUMNS: Final = {
    "Availability event": "AVAILABILITY_EVENT",
    "Custom annotation": "CUSTOM_ANNOTATION",
    "Custom config": "CUSTOM_CONFIGURATION",
    "Custom deployment": "CUSTOM_DEPLOYMENT",
    "Custom info": "CUSTOM_INFO",
    "Error event": "ERROR_EVENT",
    "Performance event": "PERFORMANCE_EVENT",
    "Resource contention": "RESOURCE_CONTENTION",
    "Marked for termination": "MARKED_FOR_TERMINATION",
}
PROBLEM_TYPES: Final = ("AVAILABILITY_EVENT", "ERROR_EVENT", "PERFORMANCE_EVENT", "RESOURCE_CONTENTION")
INFO_TYPES: Final = tuple(name for name in COLUMNS.values() if name not in PROBLEM_TYPES)

NOW: Final = 1_700_000_000_000
MINUTE: Final = 60_000
DAY: Final = 24 * 60 * MINUTE
HOST: Final = {"entityIds": ["HOST-0123456789ABCDEF"]}


def document_table() -> dict[str, dict[str, str]]:
    """Return element -> event type -> req, opt or n/a, from the text of "Parameters mapping" plus what the element list says."""
    heading, *rows = (FIXTURES / "parameters_mapping.txt").read_text().strip().splitlines()
    order = sorted(COLUMNS, key=heading.index)
    table = {row.split()[0]: {COLUMNS[c]: rule for c, rule in zip(order, row.split()[1:], strict=True)} for row in rows}
    every = COLUMNS.values()
    return table | {
        "eventType": dict.fromkeys(every, "req"),
        "attachRules": dict.fromkeys(every, "req"),
        "start": dict.fromkeys(every, "opt"),
        "timeseriesIds": dict.fromkeys(every, "opt"),
        "end": {name: "n/a" if name in PROBLEM_TYPES else "opt" for name in every},
        "timeoutMinutes": {name: "opt" if name in PROBLEM_TYPES else "n/a" for name in every},
        "allowDavisMerge": {name: "opt" if name in PROBLEM_TYPES else "n/a" for name in every},
        "changed": {name: "opt" if name == "CUSTOM_CONFIGURATION" else "n/a" for name in every},
    }


TABLE: Final = document_table()
_VALUES: Final[dict[str, Any]] = {
    "attachRules": HOST,
    "start": NOW - MINUTE,
    "end": NOW - 1,
    "timeoutMinutes": 30,
    "customProperties": {"ticket": "OPS-1", "nested": {"b": [1.50]}},
    "timeseriesIds": ["com.example:cpu", "com.example:disk"],
    "allowDavisMerge": True,
}


def value_of(element: str) -> Any:
    """Return a good value of an element."""
    return _VALUES.get(element, f"a {element}")


def cells(rule: str) -> list[tuple[str, str]]:
    """Return every (event type, element) of the table with that rule."""
    return [(event_type, element) for element, row in TABLE.items() for event_type, cell in row.items() if cell == rule]


def minimal(event_type: str, **more: Any) -> dict[str, Any]:
    """Return the smallest good payload of a type, with more elements or other values; ... leaves an element out."""
    required = {element: value_of(element) for element, row in TABLE.items() if row[event_type] == "req"}
    payload = required | {"eventType": event_type} | more
    return {element: value for element, value in payload.items() if value is not ...}


def new_ids() -> Any:
    """Return a maker of ids that differ by a counter."""
    numbers = count(1)
    return lambda ts: ids.uuid7(ts, next(numbers).to_bytes(10))


def pushed(payload: Any, now: int = NOW, tenant: str = "default", rules: DeskRules | None = None, key: str = "") -> desk.DeskWrite:
    """Return what a push of this payload would store."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return desk.store(desk.read_push(body, tenant, now, rules or DeskRules()), new_ids(), key)


def event_of(record: IngestRecord) -> Event:
    """Return the event inside a record."""
    return codec.decode_record(record.event, Event)


def correlation_of(payload: Any, tenant: str = "default") -> str:
    """Return the one correlation id of a payload."""
    (correlation_id,) = pushed(payload, tenant=tenant).result["storedCorrelationIds"]
    return str(correlation_id)
