"""EventPushMessage of the DESK Events API v1: a JSON document becomes a payload that holds only what its event type knows.

Order of refusals (each is decided for the whole document before the next is looked at): wrong types and unknown enum values, missing
elements. The table of the document beats the "optional" of its element list: what it calls n/a is ignored, unread and not stored.
"""

from typing import Any, Final, NamedTuple

from causeline.ingest.dialects.desk import elements
from causeline.ingest.dialects.desk.attach_rules import AttachRules, Findings, attach_rules
from causeline.schemas.dialects.desk.vocabulary import CUSTOM_ALERT, VOCABULARY, DeskEventType, ElementRule
from causeline.schemas.web.errors import FieldError, Invalid, Malformed

_ABSENT: Final = "must not be null or empty"
_TIMES: Final = ("start", "end", "timeoutMinutes")
_READERS: Final = {
    "string": elements.text,
    "integer": elements.integer,
    "boolean": elements.boolean,
    "object": elements.mapping,
    "string[]": elements.texts,
}


class DeskRules(NamedTuple):
    """Settings: the entities that may be targets (None: any, the default), and whether CUSTOM_ALERT is an event type."""

    entities: frozenset[str] | None = None
    custom_alert: bool = False


class Payload(NamedTuple):
    """A payload after normalisation. `elements` holds what is stored, by the API's names; times are ms UTC, absent ones None."""

    name: str
    type: DeskEventType
    attach: AttachRules
    start: int | None
    end: int | None
    timeout_minutes: int | None
    elements: dict[str, Any]
    limits: tuple[FieldError, ...]

    def text(self, name: str) -> str:
        """Return a string element, '' where absent."""
        return str(self.elements.get(name, ""))


def payload_of(document: Any, rules: DeskRules) -> Payload:
    """Return the payload of a decoded body. Raises Malformed (types, enum values) or Invalid (missing elements)."""
    if not isinstance(document, dict):
        raise Malformed("Could not map JSON near line 1 column 1: the body must be an EventPushMessage object")
    name = elements.text(document.get("eventType"), "eventType")
    event_type = _event_type(name, rules)
    findings = Findings([], [])
    contents: dict[str, Any] = {}
    attach: AttachRules | None = None
    for element, rule in (event_type.rules if event_type else _KNOWN_TO_ALL).items():
        if rule == "n/a" or element == "eventType":
            continue
        value = document.get(element)
        if element == "attachRules":
            attach = attach_rules(value, findings)
        elif (content := _READERS[VOCABULARY.elements[element]](value, element)) is not None:
            contents[element] = content
    present = {*contents, *(["eventType"] if name else []), *(["attachRules"] if attach is not None else [])}
    element_rules = event_type.rules if event_type else _KNOWN_TO_ALL
    _refuse_missing([e for e, rule in element_rules.items() if rule == "req" and e not in present] + findings.missing)
    assert name is not None
    assert event_type is not None
    assert attach is not None
    start, end, timeout = (contents.pop(element, None) for element in _TIMES)
    return Payload(name, event_type, attach, start, end, timeout, contents, tuple(findings.limits))


def _event_type(name: str | None, rules: DeskRules) -> DeskEventType | None:
    if name is None:
        return None
    if name not in VOCABULARY.event_types or (name == CUSTOM_ALERT and not rules.custom_alert):
        raise elements.element_error("eventType", f"{name!r} is not an event type")
    return VOCABULARY.event_types[name]


def _refuse_missing(paths: list[str]) -> None:
    if not paths:
        return
    places = {element: place for place, element in enumerate(VOCABULARY.validation_order)}
    paths.sort(key=lambda path: places[path.partition(".")[0]])
    message = f"The property '{paths[0]}' {_ABSENT}."
    raise Invalid(message, tuple(FieldError(path, _ABSENT) for path in paths))


def _shared_rules() -> dict[str, ElementRule]:
    """Return the rules on which all event types agree: what can be said of a payload that does not name its type."""
    every = [event_type.rules for event_type in VOCABULARY.event_types.values()]
    return {element: rule for element, rule in every[0].items() if all(rules[element] == rule for rules in every)}


_KNOWN_TO_ALL: Final = _shared_rules()
