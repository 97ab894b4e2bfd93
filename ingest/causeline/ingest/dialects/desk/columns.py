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
from causeline.schemas.values.commits import COMMITS, columns_of_anything

_SERVICE_KEYS: Final = ("service", "app", "application")
_ENVIRONMENT_KEYS: Final = ("environment", "env", "stage")
_SERVICE_ENTITY: Final = "SERVICE-"
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
    commits = columns_of_anything(_properties(payload).get(COMMITS))
    return {
        "kind": payload.type.kind,
        "status": _OPEN if payload.type.opens_problem else "",
        "severity": payload.type.severity.lower(),
        "title": _title(payload),
        "text": "\n".join(part for name in ("description", "annotationDescription") if (part := payload.text(name))),
        "service": _service(payload, target),
        "environment": _first_tagged(target.tags, _ENVIRONMENT_KEYS) or _property(payload, "environment"),
        "source": payload.text("source"),
        "project": payload.text("deploymentProject"),
        "release": payload.text("deploymentVersion"),
        "tags": _tags(payload, target, has_commits=bool(commits[COMMITS])),
        "entities": [target.id],
        "links": {name: payload.text(name) for name in _LINKS if payload.text(name)},
        **commits,
    }


def _service(payload: Payload, target: EntityTarget) -> str:
    """Return the service: that of a tag, of a custom property, the deployment's name, else an entity that is a service."""
    name = _first_tagged(target.tags, _SERVICE_KEYS) or _property(payload, "service") or payload.text("deploymentName")
    return name or (target.id if target.id.startswith(_SERVICE_ENTITY) and not target.tags else "")


def _title(payload: Payload) -> str:
    deployment = f"{payload.text('deploymentName')} {payload.text('deploymentVersion')}".strip()
    others = (payload.text(name) for name in ("annotationType", "configuration", "description"))
    return payload.text("title") or deployment or next(filter(None, others), "")


def _first_tagged(tags: tuple[Tag, ...], keys: tuple[str, ...]) -> str:
    return next((tag.value for tag in tags if tag.value and tag.key.lower() in keys), "")


def _properties(payload: Payload) -> dict[str, Any]:
    properties: dict[str, Any] = payload.elements.get("customProperties", {})
    return properties


def _property(payload: Payload, name: str) -> str:
    """Return a custom property that is a text, '' for any other value."""
    value = _properties(payload).get(name)
    return value if isinstance(value, str) and value.strip() else ""


def _tags(payload: Payload, target: EntityTarget, *, has_commits: bool) -> dict[str, str]:
    """Return tags (`key`, or `[CONTEXT]key`) and custom properties; of two with one name the tag counts, it found the entity.

    A list of commits that has columns of its own is no tag too.
    """
    property_tags = {
        name: encode_json(value) if isinstance(value, dict | list) else text(value, name) or ""
        for name, value in _properties(payload).items()
        if not (has_commits and name == COMMITS)
    }
    tags = {tag.key if tag.context == "CONTEXTLESS" else f"[{tag.context}]{tag.key}": tag.value or "" for tag in target.tags}
    return property_tags | tags
