"""What an event's page shows of it: its fields in the order that people ask for them, and where they lead. Pure."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from causeline.query_api.reading.change_parts import id_of_shown
from causeline.query_api.ui.addresses import service_address
from causeline.query_api.ui.wording import show_duration
from causeline.schemas.values.times import ms_of
from causeline.schemas.web.page_addresses import EVENT_PAGE, PROBLEM_PAGE, page_address

_TIMES: Final = (("When", "ts"), ("Began", "start"), ("Ended", "end"), ("Runs out", "deadline"))
_TEXTS: Final = (
    ("Status", "status"),
    ("Environment", "environment"),
    ("Release", "release"),
    ("Commit", "commit"),
    ("Branch", "branch"),
    ("Repository", "repo"),
    ("Application", "application"),
    ("Project", "project"),
    ("Team", "team"),
    ("Owner", "owner"),
    ("By", "actor"),
    ("Severity", "severity"),
    ("Priority", "priority"),
    ("Source", "source"),
    ("API", "dialect"),
)
_LISTS: Final = (("Entities", "entities"), ("Seen by groups", "allowed_groups"))
_MOST_LISTED: Final = 50


class EventField(NamedTuple):
    """One field: its name, its value as text, where that leads ('' nowhere), or in place of the text a time of the API."""

    name: str
    text: str
    address: str = ""
    moment: str = ""


def fields_of_event(event: Mapping[str, Any]) -> list[EventField]:
    """Return the fields of an event of the native API that say something."""
    facts = [EventField(name, "", moment=event[column]) for name, column in _TIMES if event[column]]
    if event["start"] and event["end"]:
        facts.append(EventField("Lasted", show_duration((ms_of(event["end"]) - ms_of(event["start"])) / 1_000)))
    if event["service"]:
        facts.append(EventField("Service", event["service"], service_address(event["service"])))
    facts += [EventField(name, event[column]) for name, column in _TEXTS if event[column]]
    facts += [EventField(name, _join(event[column])) for name, column in _LISTS if event[column]]
    if event["commits"]:
        facts.append(EventField("Commits", _join([commit if isinstance(commit, str) else commit["id"] for commit in event["commits"]])))
    if event["related_id"]:
        own = id_of_shown(event["related_id"])
        facts.append(EventField("Step of", event["related_id"], page_address(EVENT_PAGE, own) if own else ""))
    if event["problem_id"]:
        facts.append(EventField("Problem", event["problem_id"], page_address(PROBLEM_PAGE, event["problem_id"])))
    return [*facts, EventField("Arrived", "", moment=event["ingest_ts"]), *_versions(event)]


def links_of_event(event: Mapping[str, Any]) -> list[EventField]:
    """Return the client's links by name. Only what is a web address leads anywhere; anything else is shown as the text that it is."""
    return [EventField(name, target, web_address(target)) for name, target in event["links"].items()]


def web_address(text: str) -> str:
    """Return a text that is an http or https address, '' for any other: a link may run script in who follows it."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    return text if parts.scheme in {"http", "https"} and parts.netloc else ""


def _join(values: list[str]) -> str:
    more = len(values) - _MOST_LISTED
    return ", ".join(values[:_MOST_LISTED]) + (f" and {more:,} more" if more > 0 else "")


def _versions(event: Mapping[str, Any]) -> list[EventField]:
    if event["version"] == 1:
        return []
    return [EventField("Changed", "", moment=event["updated_ts"]), EventField("Version", str(event["version"]))]
