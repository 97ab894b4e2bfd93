"""From flags and what a CI says of its job to the JSON of an event, and the ids that make repeats one. Pure: the time is an argument.

What a person typed is refused by the name of its flag where it cannot be sent; what a CI says is cut, since nobody can mend it in a job.
"""

from __future__ import annotations

import json
import re
import uuid
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from .spool import SpoolRecord

if TYPE_CHECKING:
    from .providers import CiJob
    from .settings import ClientSettings

MOST_EVENT_BYTES = 256 * 1024
_NAMESPACE = uuid.UUID("5a1d9be0-5a0f-4a58-9f0e-0d0c6c1f3d62")
_LONGEST = {"KIND": 100, "--title": 1000, "--service": 200, "--environment": 200, "--version": 200, "--status": 100, "ID": 200}
_LONGEST_TAG_NAME, _LONGEST_TAG, _LONGEST_LINK, _MOST_PAIRS = 100, 1000, 2000, 100
_LONGEST_KEY = 255
_ROLLOUTS = ("deployment", "release", "change")
_MOST_DEPTH = 32


class UsageError(ValueError):
    """What was typed cannot be sent; the text begins with the flag."""


class Request(NamedTuple):
    """What flags say of an event; what was not given is empty. `at` is RFC 3339 or ms since the epoch."""

    kind: str
    title: str = ""
    service: str = ""
    environment: str = ""
    version: str = ""
    status: str = ""
    at: str = ""
    tags: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()


def utc_text(seconds: float) -> str:
    """Return a time, in s since the epoch, in UTC to the millisecond: `2026-11-28T09:12:00.000Z`."""
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def build_event(request: Request, job: CiJob, settings: ClientSettings, now: float) -> dict[str, Any]:
    """Return the event of a request, `ts` included, so that each try says the same. Raises UsageError."""
    texts = {
        "KIND": request.kind,
        "--title": request.title,
        "--service": request.service,
        "--environment": request.environment,
        "--version": request.version,
        "--status": request.status,
    }
    kind, title, service, environment, version, status = (check_text(flag, text) for flag, text in texts.items())
    if not kind:
        raise UsageError("KIND: must not be empty")
    service = service or settings.service
    environment = environment or settings.environment or job.environment
    event: dict[str, Any] = {
        "kind": kind.lower(),
        "title": title or " ".join(word for word in (kind[:1].upper() + kind[1:], service, version) if word),
        "ts": _read_at(request.at) if request.at else utc_text(now),
        "service": service,
        "environment": environment,
        "release": version,
        "status": status.lower(),
        "source": "causeline-ci",
        "repo": job.repository,
        "commit": job.commit,
        "branch": job.branch,
        "actor": job.actor,
        "tags": {**job_tags(job), **_read_tags(request.tags)},
        "links": {**({"ci": job.link} if job.link else {}), **_read_links(request.links)},
    }
    for text in request.fields:
        _set_field(event, text)
    return check_event("--field" if request.fields else "KIND", {name: value for name, value in event.items() if value not in ("", {})})


def read_events(text: str, job: CiJob, settings: ClientSettings, now: float) -> list[SpoolRecord]:
    """Return the events of NDJSON, each with its own `idempotency_key` or ''. Raises UsageError by the first line that is wrong."""
    records = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            name = f"- (line {number})"
            try:
                content = json.loads(line, parse_constant=_refuse_constant)
            except (ValueError, RecursionError) as error:
                raise UsageError(f"{name}: not JSON: {error}") from error
            if not isinstance(content, dict) or not isinstance(content.get("kind"), str) or not content["kind"].strip():
                raise UsageError(f"{name}: must be an object with `kind`")
            key = content.pop("idempotency_key", None) or ""
            if not isinstance(key, str) or len(key) > _LONGEST_KEY or not re.fullmatch(r"([!-~]([ -~]*[!-~])?)?", key):
                raise UsageError(f"{name}: idempotency_key must be at most {_LONGEST_KEY} characters of visible ASCII")
            defaults = build_event(Request(check_text("KIND", content["kind"])), job, settings, now)
            event = {**defaults, **{field: value for field, value in content.items() if value is not None}}
            records.append(SpoolRecord(key, check_event(name, event)))
    return records


def check_event(flag: str, event: dict[str, Any]) -> dict[str, Any]:
    """Return the event as JSON without lone surrogates and NUL. Raises UsageError where it is too large or too deep."""
    event = _mend(flag, event, 0)
    size = len(json.dumps(event, ensure_ascii=False).encode())
    if size > MOST_EVENT_BYTES:
        raise UsageError(f"{flag}: the event has {size} bytes, more than {MOST_EVENT_BYTES}")
    return event


def check_text(flag: str, text: str) -> str:
    """Return a text of a flag, trimmed, in valid UTF-8. Raises UsageError where it is too long."""
    text = mend_text(text).strip()
    if len(text) > _LONGEST[flag]:
        raise UsageError(f"{flag}: has {len(text)} characters, more than {_LONGEST[flag]}")
    return text


def mend_text(text: str) -> str:
    """Return a text without what JSON's readers refuse: bytes that are no UTF-8 become U+FFFD or a question mark, NUL nothing."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def job_tags(job: CiJob) -> dict[str, str]:
    """Return the tags that say which run of a CI sent an event."""
    tags = {"ci": job.provider, "ci_run": job.run, "ci_attempt": job.attempt, "ci_job": job.job}
    return {name: value for name, value in tags.items() if value}


def scope_of(job: CiJob) -> str:
    """Return a name, fit for a file, of the run of the job; outside of CI it is one for all."""
    return str(uuid.uuid5(_NAMESPACE, json.dumps([job.provider, job.repository, job.run, job.attempt, job.job])))


def sort_of(job: CiJob, event: dict[str, Any], phase: str) -> str:
    """Return a name, fit for a file, of the sort of an event within its job: what its how-manieth is counted by."""
    parts = (scope_of(job), event["kind"], event.get("service", ""), event.get("environment", ""), phase)
    return str(uuid.uuid5(_NAMESPACE, json.dumps(parts)))


def id_of_event(sort: str, number: int) -> str:
    """Return the id of the how-manieth event of a sort: the same for the same step of the same attempt, wherever it runs again."""
    return str(uuid.uuid5(_NAMESPACE, f"{sort}\n{number}"))


def id_of_finish(pair_id: str) -> str:
    """Return the id of the event that ends a pair: a pair ends once."""
    return str(uuid.uuid5(_NAMESPACE, f"{pair_id}\nfinish"))


def id_of_own_key(key: str) -> str:
    """Return the id under which an event with a key of its own lies in the spool."""
    return str(uuid.uuid5(_NAMESPACE, f"key\n{key}"))


def begin_pair(event: dict[str, Any], pair_id: str, *, status: str) -> dict[str, Any]:
    """Return an event as the begin of a pair.

    The native API keeps what it took, so a pair is two events. What makes them one is the tag `run_id` (insights), the tag
    `deployment_id` (rollouts of DORA) and `correlation_id` (incidents), each the id of the pair.
    """
    default = "open" if event["kind"] == "incident" else "started"
    return {**event, "status": status or default, "start": event.get("start", event["ts"]), **_pair_names(event, pair_id)}


def end_pair(event: dict[str, Any], pair_id: str, *, start: str, status: str) -> dict[str, Any]:
    """Return an event as the end of a pair; `start` is empty where it is not known. A clock that went back: no time."""
    default = "closed" if event["kind"] == "incident" else status
    span = {"start": start, "end": max(start, event["ts"])} if start else {"end": event["ts"]}
    return {**event, "status": default, **span, **_pair_names(event, pair_id)}


def _pair_names(event: dict[str, Any], pair_id: str) -> dict[str, Any]:
    tags = {**event.get("tags", {}), "run_id": pair_id}
    if event["kind"] in _ROLLOUTS:
        tags.setdefault("deployment_id", pair_id)
    return {"tags": tags, "correlation_id": event.get("correlation_id", pair_id)}


def _read_at(text: str) -> str:
    try:
        if text.isdecimal():
            return utc_text(int(text) / 1000)
        instant = datetime.fromisoformat(text.strip().replace("Z", "+00:00").replace("z", "+00:00"))
        has_offset, seconds = instant.tzinfo is not None, instant.timestamp()
    except (ValueError, OverflowError, OSError) as error:
        raise UsageError("--at: must be RFC 3339 (2026-11-28T09:12:00Z) or milliseconds since the epoch") from error
    if not has_offset:
        raise UsageError("--at: has no offset: end it with Z or +01:00")
    return utc_text(seconds)


def _read_tags(texts: tuple[str, ...]) -> dict[str, str]:
    tags: dict[str, str] = {}
    for text in texts:
        name, equals, value = mend_text(text).partition("=")
        if not equals or not name.strip():
            raise UsageError("--tag: must be name=value")
        if len(name) > _LONGEST_TAG_NAME or len(value) > _LONGEST_TAG:
            raise UsageError(f"--tag: a name has at most {_LONGEST_TAG_NAME} characters, a value {_LONGEST_TAG}")
        tags[name.strip()] = value
    if len(tags) > _MOST_PAIRS:
        raise UsageError(f"--tag: more than {_MOST_PAIRS}")
    return tags


def _read_links(texts: tuple[str, ...]) -> dict[str, str]:
    links: dict[str, str] = {}
    for text in texts:
        match = re.fullmatch(r"(?:([\w. -]{1,100})=)?(https?://\S+)", mend_text(text).strip())
        if not match:
            raise UsageError("--link: must be an address, or name=address, with http:// or https://")
        if len(match[2]) > _LONGEST_LINK:
            raise UsageError(f"--link: has more than {_LONGEST_LINK} characters")
        links[match[1] or ("link" if "link" not in links else f"link{len(links) + 1}")] = match[2]
    if len(links) > _MOST_PAIRS:
        raise UsageError(f"--link: more than {_MOST_PAIRS}")
    return links


def _set_field(event: dict[str, Any], text: str) -> None:
    path, equals, source = text.partition("=")
    names = path.split(".")
    if not equals or not all(names) or len(names) > _MOST_DEPTH:
        raise UsageError("--field: must be path=json, such as commits='[\"9b1d7c4\"]'")
    if names[0] in ("kind", "idempotency_key"):
        raise UsageError(f"--field: {names[0]} cannot be set by it")
    try:
        value = json.loads(source, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--field: {path} is not JSON (texts need double quotes): {error}") from error
    place = event
    for name in names[:-1]:
        inner = place.setdefault(name, {})
        if not isinstance(inner, dict):
            raise UsageError(f"--field: {path}: {name} is no object")
        place = inner
    place[names[-1]] = value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _mend(flag: str, value: Any, depth: int) -> Any:
    if depth > _MOST_DEPTH:
        raise UsageError(f"{flag}: more than {_MOST_DEPTH} levels")
    if isinstance(value, str):
        return mend_text(value)
    if isinstance(value, dict):
        return {mend_text(name): _mend(flag, inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, list):
        return [_mend(flag, inner, depth + 1) for inner in value]
    return value
