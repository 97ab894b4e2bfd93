"""The fields of an event that a client of the native API may set: validated by pydantic, and the source of the OpenAPI schema.

A typed dictionary and not a model class, because the values go straight on into a record: validating 340 bytes takes 1.7 µs into a
dictionary and 3.6 into an instance. Fields that are not named here are no error: they stay in `raw`.

What must change together: the fields here and the columns of `causeline.schemas.records.event`, but for `files`, which stay in `raw`.
"""

from itertools import islice
from typing import Annotated, Any, Final, Required

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from causeline.ingest.idempotency import MAX_KEY
from causeline.schemas.values.commits import COMMITS, MAX_COMMIT_ID, MAX_COMMITS, Commit, commit_of
from causeline.schemas.values.folding import fold_case
from causeline.schemas.values.times import MAX_MS, epoch_ms, ms_of
from causeline.schemas.web.errors import FieldError

MAX_ELEMENTS: Final = 10_000
"""Of one list or object: with 100 bytes each they fill an event of 1 MiB."""
_MAX_ERRORS: Final = 20
"""An item with thousands of wrong elements is told about the first ones."""


def _not_blank(text: str) -> str:
    if not text or text.isspace():
        raise PydanticCustomError("blank", "must not be blank")
    return text


def read_time(value: Any) -> int | None:
    """Return a time as ms UTC, None for null. Raises PydanticCustomError, a ValueError."""
    if value is None:
        return None
    try:
        if isinstance(value, str):
            return ms_of(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return epoch_ms(value)
    except ValueError as error:
        raise PydanticCustomError("time", "{why}", {"why": str(error)}) from error
    raise PydanticCustomError("time", "must be an RFC 3339 time or an integer of milliseconds since the epoch")


_SCALARS: Final = frozenset({str, bool, int, float, type(None)})
_TEXTS: Final = frozenset({str})
_OPTIONAL_TEXTS: Final = frozenset({str, type(None)})


def _bound_elements(kinds: frozenset[type]) -> BeforeValidator:
    """Return what looks at a list or an object before its elements are: its length, then in one pass whether all are of these kinds.

    Of one with wrong elements the first of them are handed on: a refusal takes 100 times as long as an element that is right.
    """

    def judge(value: Any) -> Any:
        if not isinstance(value, list | dict):
            return value
        if len(value) > MAX_ELEMENTS:
            raise PydanticCustomError("too_long", "holds {given} elements, at most {most}", {"given": len(value), "most": MAX_ELEMENTS})
        if isinstance(value, dict):
            right = kinds.issuperset(map(type, value.values()))
            return value if right else dict(islice(((k, v) for k, v in value.items() if type(v) not in kinds), _MAX_ERRORS))
        if kinds.issuperset(map(type, value)):
            return value
        wrong = list(islice((n for n, one in enumerate(value) if type(one) not in kinds), _MAX_ERRORS))
        return value[: wrong[-1] + 1]

    return BeforeValidator(judge)


def _bound_commits(value: Any) -> Any:
    if isinstance(value, list) and len(value) > MAX_COMMITS:
        raise PydanticCustomError("too_long", "holds {given} commits, at most {most}", {"given": len(value), "most": MAX_COMMITS})
    return value


def _read_commit(value: Any) -> Commit:
    try:
        return commit_of(value, read_time)
    except PydanticCustomError:
        raise
    except ValueError as error:
        raise PydanticCustomError("commit", "{why}", {"why": str(error)}) from error


_TIME_SCHEMA: Final = {
    "anyOf": [{"type": "string", "format": "date-time"}, {"type": "integer", "minimum": 0, "maximum": MAX_MS}, {"type": "null"}],
    "description": "RFC 3339 with any offset, or milliseconds since the epoch; years 1970 to 2261",
}

_COMMIT_ID_SCHEMA: Final = {"type": "string", "minLength": 1, "maxLength": MAX_COMMIT_ID}
_COMMIT_SCHEMA: Final = {
    "anyOf": [
        _COMMIT_ID_SCHEMA,
        {"type": "object", "properties": {"id": _COMMIT_ID_SCHEMA, "time": _TIME_SCHEMA}, "required": ["id"]},
    ],
}

Text = str | None
Time = Annotated[int | None, PlainValidator(read_time), WithJsonSchema(_TIME_SCHEMA)]
FoldedText = Annotated[str, AfterValidator(fold_case)]
Scalar = str | bool | int | float | None
Commits = Annotated[
    Annotated[
        list[Annotated[Commit, PlainValidator(_read_commit), WithJsonSchema(_COMMIT_SCHEMA)]], Field(max_length=MAX_COMMITS, fail_fast=True)
    ]
    | None,
    BeforeValidator(_bound_commits),
]
Texts = Annotated[Annotated[list[str], Field(max_length=MAX_ELEMENTS)] | None, _bound_elements(_TEXTS)]


class NativeEvent(TypedDict, total=False):
    """An event as a client writes it. `kind` and `title` are required; null is the same as absent."""

    __pydantic_config__ = ConfigDict(strict=True, extra="ignore")  # type: ignore[misc]

    kind: Required[
        Annotated[FoldedText, AfterValidator(_not_blank), Field(description="deployment, incident, config_change, …, kept in lower case")]
    ]
    title: Required[Annotated[str, AfterValidator(_not_blank), Field(description="What happened, in one line")]]
    status: Annotated[FoldedText | None, Field(description="Kept in lower case; an incident is `open` or `closed`")]
    ts: Annotated[Time, Field(description="When it happened; the arrival if absent")]
    start: Time
    end: Time
    service: Text
    environment: Text
    priority: Text
    severity: Text
    text: Text
    source: Text
    owner: Text
    actor: Text
    commit: Text
    repo: Text
    branch: Text
    team: Text
    project: Text
    application: Text
    release: Text
    tags: Annotated[
        Annotated[dict[str, Scalar], Field(max_length=MAX_ELEMENTS)] | None,
        _bound_elements(_SCALARS),
        Field(description="Values are kept as text"),
    ]
    entities: Texts
    files: Annotated[
        Texts, Field(description="Files that were changed: of a change that names no service, the `paths` of services tell whose they are")
    ]
    links: Annotated[Annotated[dict[str, Text], Field(max_length=MAX_ELEMENTS)] | None, _bound_elements(_OPTIONAL_TEXTS)]
    related_id: Text
    commits: Annotated[Commits, Field(description="The commits that a deployment brings: ids, or ids with the times they were made at")]
    allowed_groups: Annotated[Texts, Field(description="Who may read it; empty: every reader of the tenant")]
    idempotency_key: Annotated[str | None, StringConstraints(min_length=1, max_length=MAX_KEY), Field(description="Same key, same event")]
    correlation_id: Annotated[Text, Field(description="What the incident events of one problem have in common; the event's id if absent")]


_ADAPTER: Final[TypeAdapter[NativeEvent]] = TypeAdapter(NativeEvent)
_VALIDATE: Final = _ADAPTER.validator.validate_python


class BrokenRules(ValueError):
    """An item breaks rules; `errors` names each field."""

    def __init__(self, errors: tuple[FieldError, ...]) -> None:
        super().__init__(f"{errors[0].field}: {errors[0].message}")
        self.errors = errors


def validate_item(item: dict[str, Any]) -> NativeEvent:
    """Return the known fields of an item. Raises BrokenRules."""
    try:
        event: NativeEvent = _VALIDATE(item)
    except ValidationError as error:
        raise BrokenRules(_field_errors(error)) from error
    start, end = event.get("start"), event.get("end")
    if start is not None and end is not None and end < start:
        raise BrokenRules((FieldError("end", "must not be before start"),))
    return event


def _field_errors(error: ValidationError) -> tuple[FieldError, ...]:
    errors: dict[str, FieldError] = {}
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        path, message = _path(detail["loc"]), detail["msg"]
        if path.startswith("tags."):
            message = "Input should be a string, a number, a boolean or null"  # one sentence for the members of the union
        errors.setdefault(path, FieldError(path, message))
        if len(errors) == _MAX_ERRORS:
            break
    return tuple(errors.values())


def _path(loc: tuple[int | str, ...]) -> str:
    name, *inner = loc
    if not inner or name not in ("tags", "links", "entities", "files", "allowed_groups", COMMITS):
        return str(name)
    return f"{name}[{inner[0]}]" if isinstance(inner[0], int) else f"{name}.{inner[0]}"


def schema() -> dict[str, Any]:
    """Return the JSON Schema of an event as a client writes it."""
    return _ADAPTER.json_schema()
