"""Events as marks on a dashboard: the objects that Grafana's annotation queries take from a JSON source.

Times are epoch milliseconds. `timeEnd` is always there, so that a table of them has no holes: for a point in time it is `time`, which
Grafana draws as a line, and else the end of a region.
"""

from typing import Any

from causeline.query_api.questions.relation import span_of
from causeline.schemas.records.event import Event


def annotation_of(event: Event, now: int) -> dict[str, Any]:
    """Return the mark of an event as of `now` (ms UTC): an open problem that will time out reaches until now, at most its deadline."""
    start, end = span_of(event)
    if event.end is None and event.deadline is not None:
        end = max(start, min(now, event.deadline))
    return {
        "time": start,
        "timeEnd": end,
        "title": event.title,
        "text": event.text,
        "tags": _tags(event),
        "id": event.id,
    }


def _tags(event: Event) -> list[str]:
    words = (event.kind, event.status, event.service, event.environment, event.priority)
    return [*dict.fromkeys(word for word in words if word), *(f"{name}:{value}" for name, value in event.tags.items())]
