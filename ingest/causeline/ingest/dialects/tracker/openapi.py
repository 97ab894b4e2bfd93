"""OpenAPI path items of Tracker's writing calls. They are merged with those of the reading side, by path."""

from typing import Any, Final, get_args

from causeline.ingest.dialects.tracker.body import Attributes, CreateBody, Links, UpdateBody
from causeline.ingest.idempotency import KEY_SCHEMA
from causeline.schemas.dialects.tracker import changelog
from causeline.schemas.dialects.tracker import mapping as tracker
from causeline.schemas.dialects.tracker.answers import ANSWERS
from causeline.schemas.dialects.tracker.codes import CODE_FIELDS, CODE_NAMES, CodeField
from causeline.schemas.dialects.tracker.dialect import TRACKER
from causeline.schemas.web.openapi import OpenApiPart, ref

_CODE: Final = {"oneOf": [{"type": "integer"}, {"type": "string"}]}


def _code(field: CodeField) -> dict[str, Any]:
    kinds = [*_CODE["oneOf"], {"type": "boolean"}] if field == "impact" else _CODE["oneOf"]
    names = ", ".join(f"{n} {name}" for n, name in CODE_NAMES["document"][field].items())
    return {"oneOf": [*kinds, {"type": "null"}], "description": f"Number, numeric string or name: {names}"}


_TEXT: Final = {"type": "string"}
_TIME: Final = {"type": "string", "description": "ISO 8601 date or time; UTC where it names no offset"}
_TEXTS: Final = {"type": "array", "items": _TEXT}
_SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    **{field: _code(field) for field in CODE_FIELDS},
    "startDate": _TIME,
    "endDate": _TIME,
    "stakeHolders": _TEXTS,
    "notification": {"type": "boolean"},
    "notifications": _TEXTS,
}


def _properties(model: type[Attributes | Links]) -> dict[str, Any]:
    names = [field.alias or name for name, field in model.model_fields.items()]
    return {name: _SCHEMAS.get(name, _TEXT) for name in names}


def _object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": True}


_SLACK_ID: Final = {"type": "string", "maxLength": tracker.LONGEST_SLACK_ID, "description": "A second name, unique as the client keeps it"}


def _content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _event(model: type[CreateBody | UpdateBody]) -> dict[str, Any]:
    required = [name for name, field in model.model_fields.items() if field.is_required()]
    texts = {name: {**_TEXT, "minLength": 1} for name in model.model_fields if name in ("id", "title")}
    objects = {"attributes": _object(_properties(Attributes), []), "links": _object(_properties(Links), [])}
    return _object({**texts, "slackId": _SLACK_ID, **objects}, required)


def _update() -> dict[str, Any]:
    """Return the schema of a PUT: `id` or else `slackId` names the event."""
    schema = _event(UpdateBody)
    del schema["required"]
    return {**schema, "anyOf": [{"required": ["id"]}, {"required": ["slackId"]}]}


_KEY: Final = {"name": "Idempotency-Key", "in": "header", "required": False, "schema": KEY_SCHEMA}
_ID: Final = {"name": "id", "in": "path", "required": True, "description": "Its id or Slack id", "schema": {"type": "string"}}
_ERRORS: Final = {
    "400": {"description": "Not JSON, or a field breaks a rule: {code: 3, message, details}"},
    "503": {"description": "Not acknowledged by the broker; repeat after Retry-After seconds"},
}

_WORDS: Final = {"TrackerEventAnswer": "The event, flat at the top and under `event`", "TrackerDeleted": "The names of the deleted event"}
_MISSING: Final = {"404": {"description": "No such event: {code: 5, message, details}"}}


def _operation(name: str, summary: str, schema: str, errors: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = {"description": _WORDS[schema], "content": {"application/json": {"schema": ref(schema)}}}
    return {
        "operationId": name,
        "summary": summary,
        "tags": [TRACKER.title],
        "responses": {"200": answer, **errors},
        **more,
    }


_NAME: Final = {"type": ["string", "null"], "maxLength": changelog.MAX_ENTRY_NAME}
_VALUE: Final = {"type": ["string", "null"], "maxLength": changelog.MAX_ENTRY_VALUE}
_ENTRY: Final = {
    **_object(
        {
            "timestamp": {"type": ["string", "null"], "description": "ISO 8601; the arrival where it is absent"},
            "user": _NAME,
            "changeType": {"enum": [*get_args(changelog.ChangeType), None]},
            "field": _NAME,
            "oldValue": _VALUE,
            "newValue": _VALUE,
            "comment": {**_VALUE, "maxLength": changelog.MAX_COMMENT},
        },
        [],
    ),
    "description": "A comment without changeType",
}
_ONE: Final = "TrackerEventAnswer"

PATHS: Final[dict[str, Any]] = {
    "/api/v1alpha1/event": {
        "post": _operation(
            "trackerCreateEvent", "Create an event", _ONE, _ERRORS, parameters=[_KEY], requestBody=_content(_event(CreateBody))
        ),
        "put": _operation(
            "trackerUpdateEvent",
            "Change the fields of an event that the body names",
            _ONE,
            _ERRORS | _MISSING,
            parameters=[_KEY],
            requestBody=_content(_update()),
        ),
    },
    "/api/v1alpha1/event/{id}": {
        "delete": _operation(
            "trackerDeleteEvent",
            "Delete an event",
            "TrackerDeleted",
            _ERRORS | _MISSING,
            parameters=[_ID, _KEY],
        ),
    },
    "/api/v1alpha1/event/{id}/slack": {
        "post": _operation(
            "trackerNameSlack",
            "Give an event its Slack id, by which it can be read, changed and deleted",
            _ONE,
            _ERRORS | _MISSING,
            parameters=[_ID, _KEY],
            requestBody=_content(_object({"slackId": {**_SLACK_ID, "minLength": 1}}, ["slackId"])),
        ),
    },
    "/api/v1alpha1/event/{id}/changelog": {
        "post": _operation(
            "trackerAddChangelogEntry",
            "Add an entry to the changelog of an event",
            _ONE,
            _ERRORS | _MISSING,
            parameters=[_ID, _KEY],
            requestBody=_content(_object({"entry": _ENTRY}, ["entry"])),
        ),
    },
}

PART: Final = OpenApiPart(PATHS, ANSWERS)
