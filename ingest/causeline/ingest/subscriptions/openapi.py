"""OpenAPI of `/v1/subscriptions`: paths and schemas, from the tables that the parser uses."""

from typing import Any, Final, get_args

from causeline.ingest.idempotency import KEY_SCHEMA
from causeline.ingest.subscriptions import filters, requests
from causeline.ingest.subscriptions import targets as native_targets
from causeline.ingest.subscriptions.views import STATES
from causeline.schemas.records.delivery import BreakerState
from causeline.schemas.subscriptions.endpoints import MAX_URL
from causeline.schemas.subscriptions.rules import SubscriptionState, TargetType
from causeline.schemas.subscriptions.templates import MAX_TEMPLATE
from causeline.schemas.values.mask import MASK
from causeline.schemas.web.listing import LIST_DEFAULT, LIST_MOST

_TEXT: Final = {"type": "string"}
_TIME: Final = {"type": "string", "format": "date-time"}
_MAYBE_TIME: Final = {"type": ["string", "null"], "format": "date-time"}
_MAYBE_COUNT: Final = {"type": ["integer", "null"]}
_TAGS: Final = ["Native"]
_SECRET: Final = f"Shown where it is made or rotated, elsewhere `{MASK}`"
_WORDS: Final = {
    "stream": "What is followed, without it events and problems; `causes` are rankings with another first cause or verdict",
    "dialect": "API the event came through",
    "kind": "Kind, such as deployment or config_change",
    "status": "Status in the dialect's words, kept in lower case; takes no problem and no causes",
    "service": "Service",
    "environment": "Environment",
    "priority": "Priority, P1 to P5",
    "entity": "Entity it is attached to",
    "tag": "Tag as `key:value`; a colon of the key is written as `\\:`",
    "transition": "Transition of a problem",
    "verdict": "Verdict of a ranking of causes",
}


_FILTER: Final = (
    "The filters of `GET /v1/stream`; causes are asked for by the fields of their problem, and by their verdict. "
    "Whoever was told that a problem began is told of its later transitions, also when it does not look as the filter asks any more"
)


def _object(properties: dict[str, Any], *required: str, is_closed: bool = False) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        schema["required"] = list(required)
    return schema | ({"additionalProperties": False} if is_closed else {})


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _word(name: str, word: filters.FilterMember) -> dict[str, Any]:
    one = {"type": "string", **({"enum": list(word.choices)} if word.choices else {"minLength": 1, "maxLength": filters.MAX_FILTER_TEXT})}
    several = {"type": "array", "items": one, "minItems": 1, "maxItems": filters.MAX_VALUES}
    return {"description": f"{_WORDS[name]}; several values mean or", "oneOf": [one, several, {"type": "null"}]}


def _filter() -> dict[str, Any]:
    members = {name: _word(name, word) for name, word in filters.FILTER_MEMBERS.items()}
    words = {"type": ["string", "null"], "maxLength": filters.MAX_FILTER_TEXT, "description": "Words that must all occur in title or text"}
    return {**_object({**members, filters.TEXT_MEMBER: words}, is_closed=True), "description": _FILTER}


def _shown_filter() -> dict[str, Any]:
    projects = {"type": "array", "items": _TEXT, "description": "EscapeKit projects, of the members of their sets"}
    schema = _filter()
    return {**schema, "properties": {**schema["properties"], "project": projects}}


def _target(*required: str) -> dict[str, Any]:
    members = {
        "type": {**_TEXT, "enum": list(get_args(TargetType))},
        "url": {**_TEXT, "maxLength": MAX_URL, "description": "https; by http, and to private addresses, only what the operator lists"},
        "headers": {
            "type": "object",
            "additionalProperties": _TEXT,
            "maxProperties": native_targets.MAX_HEADERS,
            "description": f"Sent with every delivery; values are shown as `{MASK}`",
        },
        "secret": {**_TEXT, "description": f"Signs deliveries (Standard Webhooks); made if absent. {_SECRET}"},
        "template": {**_TEXT, "maxLength": MAX_TEMPLATE, "description": "Jinja2 text that makes the body instead of the standard payload"},
        "slack_token": {**_TEXT, "description": "Of a Slack app, in the place of a URL: messages are edited and threaded"},
        "slack_channel": _TEXT,
        "slack_icon": {**_TEXT, "description": "`:emoji:` or a URL"},
        "slack_username": _TEXT,
    }
    return _object(members, *required, is_closed=True)


def _members(target: str) -> dict[str, Any]:
    groups = {
        "type": ["array", "null"],
        "items": _TEXT,
        "maxItems": requests.MAX_GROUPS,
        "description": "Whose restricted events it tells besides those without groups; absent or null: all that the caller may see",
    }
    return {
        "name": {**_TEXT, "minLength": 1, "maxLength": requests.MAX_SUBSCRIPTION_NAME},
        "filter": {"oneOf": [_ref("SubscriptionFilter"), {"type": "null"}]},
        "target": _ref(target),
        "state": {**_TEXT, "enum": list(get_args(SubscriptionState))},
        "groups": groups,
    }


def _start() -> dict[str, Any]:
    return {
        "type": ["string", "integer", "null"],
        "description": "Deliver what was written since then, before what is new: RFC 3339, epoch milliseconds, or `-2h`",
    }


def _health() -> dict[str, Any]:
    counts = dict.fromkeys(("failures", "waiting", "attempts", "delivered", "failed", "dead", "skipped", "last_status"), _MAYBE_COUNT)
    members = {
        "state": {**_TEXT, "enum": list(STATES)},
        "why": {"type": ["string", "null"]},
        "breaker": {"enum": [*get_args(BreakerState), None]},
        "behind": {"type": ["boolean", "null"]},
        "last_error": {"type": ["string", "null"]},
        **counts,
        **dict.fromkeys(("at", "breaker_until", "oldest", "last_attempt", "last_success"), _MAYBE_TIME),
    }
    return {**_object(members, *members), "description": "As the processors said last; null where nothing is known yet"}


def _subscription_schema() -> dict[str, Any]:
    members = {
        **_members("SubscriptionTarget"),
        "id": {**_TEXT, "format": "uuid"},
        "revision": {"type": "integer", "minimum": 1},
        "filter": _ref("SubscriptionShownFilter"),
        "target": _ref("SubscriptionShownTarget"),
        "name": _TEXT,
        "start_from": _MAYBE_TIME,
        "project": {"type": ["string", "null"], "description": "EscapeKit project to whose set it belongs"},
        "created_at": _TIME,
        "updated_at": _TIME,
        "health": _ref("SubscriptionHealth"),
    }
    return _object(members, *members)


SCHEMAS: Final[dict[str, Any]] = {
    "SubscriptionFilter": _filter(),
    "SubscriptionShownFilter": _shown_filter(),
    "SubscriptionTarget": _target("type"),
    "SubscriptionShownTarget": {
        **_target("type"),
        "additionalProperties": True,
        "description": "Without secrets; `old_secret_until` says how long a replaced key signs too",
    },
    "SubscriptionHealth": _health(),
    "NewSubscription": _object({**_members("SubscriptionTarget"), "start_from": _start()}, "name", "target", is_closed=True),
    "SubscriptionPatch": {
        "type": "object",
        "description": "JSON merge patch (RFC 7396): null takes away, secrets that are not named stay; target.type and target.secret stay",
        "properties": {name: {} for name in _members("")},
        "additionalProperties": False,
    },
    "Subscription": _subscription_schema(),
}

_ID: Final = {"name": "id", "in": "path", "required": True, "schema": {**_TEXT, "format": "uuid"}}
_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A repeat with the same key and content changes nothing more and gets the same answer",
    "schema": KEY_SCHEMA,
}


def _ok(description: str, schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}, **more}


def _operation(name: str, summary: str, responses: dict[str, Any], *parameters: dict[str, Any], **body: Any) -> dict[str, Any]:
    operation = {"operationId": name, "summary": summary, "tags": _TAGS, "parameters": list(parameters), "responses": responses}
    return operation | ({"requestBody": body} if body else {})


def _json(schema: dict[str, Any], *media: str) -> dict[str, Any]:
    return {name: {"schema": schema} for name in media or ("application/json",)}


_INVALID: Final = {"description": "A member breaks a rule; `errors` names all that do"}
_TOO_LARGE: Final = {"description": "More bytes than fit the configuration"}
_UNSURE: Final = {"description": "Not known to be durable, or no key is set to encrypt secrets; repeat after Retry-After seconds"}
_REFUSED: Final = {"422": _INVALID, "413": _TOO_LARGE, "503": _UNSURE}
_LOCATION: Final = {"headers": {"Location": {"schema": _TEXT}}}

PATHS: Final[dict[str, Any]] = {
    "/v1/subscriptions": {
        "post": _operation(
            "createSubscription",
            "Deliver matching events and problem transitions to an endpoint (scope admin)",
            {"201": _ok("The subscription with its signing secret", _ref("Subscription"), **_LOCATION), **_REFUSED},
            _KEY,
            required=True,
            content=_json(_ref("NewSubscription")),
        ),
        "get": _operation(
            "listSubscriptions",
            "Subscriptions with their health, in the order of ids",
            {
                "200": _ok(
                    "A page",
                    _object(
                        {
                            "subscriptions": {"type": "array", "items": _ref("Subscription")},
                            "next_cursor": {
                                "type": ["string", "null"],
                                "description": "`cursor` of the next page, null after the last one",
                            },
                        },
                        "subscriptions",
                        "next_cursor",
                    ),
                )
            },
            {"name": "state", "in": "query", "required": False, "description": "State now", "schema": {**_TEXT, "enum": list(STATES)}},
            {
                "name": "limit",
                "in": "query",
                "required": False,
                "description": "Rows of a page",
                "schema": {"type": "integer", "minimum": 1, "maximum": LIST_MOST, "default": LIST_DEFAULT},
            },
            {"name": "cursor", "in": "query", "required": False, "description": "`next_cursor` of the page before", "schema": _TEXT},
        ),
    },
    "/v1/subscriptions/{id}": {
        "get": _operation("getSubscription", "One subscription with its health", {"200": _ok("It", _ref("Subscription"))}, _ID),
        "patch": _operation(
            "changeSubscription",
            "Change a subscription; `state: active` also enables one that was disabled (scope admin)",
            {"200": _ok("Its next revision", _ref("Subscription")), **_REFUSED},
            _ID,
            required=True,
            content=_json(_ref("SubscriptionPatch"), "application/merge-patch+json", "application/json"),
        ),
        "delete": _operation(
            "deleteSubscription",
            "End a subscription; what waits for it is not delivered any more (scope admin)",
            {"204": {"description": "It is gone", "content": {}}, "422": _INVALID, "503": _UNSURE},
            _ID,
        ),
    },
    "/v1/subscriptions/{id}/test": {
        "post": _operation(
            "testSubscription",
            "Deliver a test, through everything that a record goes through (scope admin)",
            {"202": _ok("On its way", _object({"delivery_id": _TEXT}, "delivery_id"))},
            _ID,
            _KEY,
        ),
    },
    "/v1/subscriptions/{id}/rotate-secret": {
        "post": _operation(
            "rotateSubscriptionSecret",
            "Sign with a new secret; the old one signs too for a while (scope admin)",
            {"200": _ok("The subscription with its new secret", _ref("Subscription")), **_REFUSED},
            _ID,
            required=False,
            content=_json(
                _object(
                    {
                        "keep_for": {
                            "type": ["string", "null"],
                            "pattern": r"^\d+(ms|s|m|h|d)$",
                            "default": requests.DEFAULT_KEEP,
                        },
                        "secret": {"type": ["string", "null"], "description": "The new secret; made if absent"},
                    },
                    is_closed=True,
                )
            ),
        ),
    },
}
