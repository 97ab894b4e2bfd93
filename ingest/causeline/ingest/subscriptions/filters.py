"""What a subscription follows, as `POST /v1/subscriptions` says it: the words of `GET /v1/stream` as members of a JSON object. Pure.

A query's blank value is as good as none; here it is refused, because a variable that is empty by accident would subscribe to everything.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, get_args

from causeline.schemas.dialects.all import DIALECTS
from causeline.schemas.records.causes import CauseVerdict
from causeline.schemas.records.problem import Transition
from causeline.schemas.subscriptions.rules import FOLLOWED_UNASKED, Filter, RecordKind
from causeline.schemas.values.tag_texts import tag_of, tag_text
from causeline.schemas.values.words import words_of
from causeline.schemas.web.errors import FieldError, strangers

MAX_VALUES: Final = 100
MAX_FILTER_TEXT: Final = 4_096


class FilterMember(NamedTuple):
    """One member of a filter: the field of `Filter` that it fills, and the values that it takes, any text where empty."""

    field: str
    choices: tuple[str, ...] = ()


FILTER_MEMBERS: Final[dict[str, FilterMember]] = {
    "stream": FilterMember("followed", get_args(RecordKind)),
    "dialect": FilterMember("dialects", DIALECTS.names),
    "kind": FilterMember("kinds"),
    "status": FilterMember("statuses"),
    "service": FilterMember("services"),
    "environment": FilterMember("environments"),
    "priority": FilterMember("priorities"),
    "entity": FilterMember("entities"),
    "tag": FilterMember("tags"),
    "transition": FilterMember("transitions", get_args(Transition)),
    "verdict": FilterMember("verdicts", get_args(CauseVerdict)),
}
TEXT_MEMBER: Final = "q"
"""The member that takes one text: words that must all occur."""


def filter_of(value: object, errors: list[FieldError]) -> Filter:
    """Return the filter that a JSON value says, None saying nothing; what is wrong is added to `errors`."""
    if value is None:
        return Filter()
    if not isinstance(value, dict):
        errors.append(FieldError("filter", "must be an object"))
        return Filter()
    before = len(errors)
    errors.extend(strangers(value, {*FILTER_MEMBERS, TEXT_MEMBER}, "is not a filter", "filter."))
    members = {name: _values(name, value[name], errors) for name in FILTER_MEMBERS if value.get(name) is not None}
    words = _words(value.get(TEXT_MEMBER), errors)
    _judge(members, errors)
    if len(errors) > before:
        return Filter()
    fields: dict[str, Any] = {FILTER_MEMBERS[name].field: values for name, values in members.items()}
    if tags := members.get("tag"):
        fields["tags"] = tuple(map(tag_of, tags))
    return Filter(words=words, **fields)


def filter_view(where: Filter) -> dict[str, Any]:
    """Return a filter as it would be sent: lists of values, without what does not filter."""
    document: dict[str, Any] = {
        name: list(values) for name, word in FILTER_MEMBERS.items() if (values := getattr(where, word.field)) and name != "tag"
    }
    if where.tags:
        document["tag"] = [tag_text(key, value) for key, value in where.tags]
    if where.words:
        document[TEXT_MEMBER] = where.words
    if where.projects:
        document["project"] = list(where.projects)
    if set(where.followed) == set(FOLLOWED_UNASKED):
        document.pop("stream", None)
    return document


def _values(name: str, content: object, errors: list[FieldError]) -> tuple[str, ...]:
    values = content if isinstance(content, list) else [content]
    message = _wrong_list(values) or next((wrong for value in values if (wrong := _wrong(name, value))), "")
    if message:
        errors.append(FieldError(f"filter.{name}", message))
        return ()
    return tuple(dict.fromkeys(values))


def _wrong_list(values: list[Any]) -> str:
    if not values:
        return "must hold a value; leave it out to take all"
    return f"takes at most {MAX_VALUES} values" if len(values) > MAX_VALUES else ""


def _wrong(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        return "must be a text that is not blank, or a list of such"
    if len(value) > MAX_FILTER_TEXT:
        return f"is longer than {MAX_FILTER_TEXT} characters"
    choices = FILTER_MEMBERS[name].choices
    if choices and value not in choices:
        return f"{value[:100]!r} is not one of {', '.join(choices)}"
    return _wrong_tag(value) if name == "tag" else ""


def _wrong_tag(text: str) -> str:
    try:
        tag_of(text)
    except ValueError as error:
        return str(error)
    return ""


def _words(value: object, errors: list[FieldError]) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > MAX_FILTER_TEXT or not words_of(value):
        errors.append(FieldError(f"filter.{TEXT_MEMBER}", f"must be a text with a word in it, of at most {MAX_FILTER_TEXT} characters"))
        return ""
    return value


def _judge(members: Mapping[str, tuple[str, ...]], errors: list[FieldError]) -> None:
    streams = members.get("stream") or FOLLOWED_UNASKED
    for name, stream in (("status", "events"), ("transition", "problems"), ("verdict", "causes")):
        if name in members and stream not in streams:
            errors.append(FieldError(f"filter.{name}", f"is of {stream}, and only {' and '.join(streams)} are followed"))
