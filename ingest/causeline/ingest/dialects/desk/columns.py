"""How a payload of the DESK Events API v1 fills the normalized columns, and what of it is kept as it was sent.

`raw` is the payload after normalisation, for one target: elements that the event type does not know are neither shown nor kept.
It lacks the attach rules (a push may name 1,000 targets, each is an event of its own) and carries instead what the reading side shows
of them: the tags that found this target and, for a problem, the correlation id.
"""

from typing import Any, Final

from causeline.ingest.dialects.desk.attach_rules import Tag
from causeline.ingest.dialects.desk.body import Payload
from causeline.ingest.dialects.desk.elements import text
from causeline.ingest.dialects.desk.json_text import encode_json
from causeline.ingest.dialects.desk.targets import EntityTarget

_SERVICE_KEYS: Final = ("service", "app", "application")
_ENVIRONMENT_KEYS: Final = ("environment", "env", "stage")
_LINKS: Final = ("ciBackLink", "remediationAction")
_OPEN: Final = "open"


def raw_of(payload: Payload, target: EntityTarget, correlation_id: str) -> str:
    """Return what is kept of the payload for one target, as JSON text."""
    document: dict[str, Any] = {"eventType": payload.name, **payload.elements}
    if payload.timeout_minutes is not None:
        document["timeoutMinutes"] = payload.timeout_minutes
    if target.tags:
        document["tags"] = [tag.view() for tag in target.tags]
    if correlation_id:
        document["correlationId"] = correlation_id
    return encode_json(document)


def columns(payload: Payload, target: EntityTarget) -> dict[str, Any]:
    """Return the normalized columns that come from the payload; absent ones are left out."""
    return {
        "kind": payload.type.kind,
        "status": _OPEN if payload.type.opens_problem else "",
        "severity": payload.type.severity.lower(),
        "title": _title(payload),
        "text": "\n".join(part for name in ("description", "annotationDescription") if (part := payload.text(name))),
        "service": _first_tagged(target.tags, _SERVICE_KEYS) or payload.text("deploymentName"),
        "environment": _first_tagged(target.tags, _ENVIRONMENT_KEYS),
        "source": payload.text("source"),
        "project": payload.text("deploymentProject"),
        "release": payload.text("deploymentVersion"),
        "tags": _tags(payload, target),
        "entities": [target.id],
        "links": {name: payload.text(name) for name in _LINKS if payload.text(name)},
    }


def _title(payload: Payload) -> str:
    deployment = f"{payload.text('deploymentName')} {payload.text('deploymentVersion')}".strip()
    others = (payload.text(name) for name in ("annotationType", "configuration", "description"))
    return payload.text("title") or deployment or next(filter(None, others), "")


def _first_tagged(tags: tuple[Tag, ...], keys: tuple[str, ...]) -> str:
    return next((tag.value for tag in tags if tag.value and tag.key.lower() in keys), "")


def _tags(payload: Payload, target: EntityTarget) -> dict[str, str]:
    """Return tags (`key`, or `[CONTEXT]key`) and custom properties; of two with one name the tag counts, it found the entity."""
    properties = payload.elements.get("customProperties", {})
    property_tags = {
        name: encode_json(value) if isinstance(value, dict | list) else text(value, name) or "" for name, value in properties.items()
    }
    tags = {tag.key if tag.context == "CONTEXTLESS" else f"[{tag.context}]{tag.key}": tag.value or "" for tag in target.tags}
    return property_tags | tags
