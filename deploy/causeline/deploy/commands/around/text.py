"""How a ranking of causes is shown: what the problem is, the verdict in words, a row a change with its weightiest reasons. Pure.

Titles are written by whoever may send events: nothing that steers a terminal is printed (`visible`).
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from causeline.deploy.terminal import visible

_NAME: Final = 24
_TITLE: Final = 60
_REASONS: Final = 3
_LIKELY: Final = 0.5
_MINUTE: Final = 60
_HOUR: Final = 3_600

RankingView = Mapping[str, Any]

_VERDICTS: Final[Mapping[str, str]] = {
    "likely": "the first change below very likely did it",
    "possible": "one of the first changes below may have done it",
    "none": "no change did it, as far as changes are reported here",
    "unknown": "no known change did it, but nobody reports what this service and those it depends on change",
}


def verdict_lines(ranking: RankingView) -> Iterator[str]:
    """Yield what stands above the table: the problem, the verdict, what was not seen."""
    problem = ranking["problem"]
    where = ", ".join(visible(str(problem[name]), _NAME) for name in ("service", "environment") if problem[name])
    yield f"{visible(problem['start'])}  {visible(problem['state'])}  {visible(problem['title'], _TITLE)}{f' ({where})' if where else ''}"
    words = _VERDICTS.get(ranking["verdict"], visible(str(ranking["verdict"])))
    yield f"{words} (no change: {_percent(ranking['none_probability'])} of {ranking['candidates']} candidates and none)"
    if ranking["truncated"]:
        yield "there were more changes; the closest ones were ranked"
    if ranking["provisional"]:
        yield "provisional: the problem is young, and changes and their ends may still come in"
    for spot in ranking["blind_spots"]:
        yield f"not seen: no {visible(spot['kind'])} of {visible(spot['service'], _NAME)} was reported in 30 days"


def cause_table(ranking: RankingView) -> Table:
    """Return the causes, the likeliest first."""
    table = Table(box=None, pad_edge=False)
    for heading in ("chance", "when", "kind", "service", "relation", "title", "because"):
        table.add_column(heading, no_wrap=heading not in ("title", "because"))
    for cause in ranking["causes"]:
        event = cause["event"]
        table.add_row(
            Text(_percent(cause["probability"]), "bold red" if cause["probability"] >= _LIKELY else ""),
            _distance(cause["offset_seconds"]),
            visible(event["kind"], _NAME),
            visible(event["service"], _NAME) or "-",
            visible(cause["relation"].replace("_", " ")),
            Text(visible(event["title"], _TITLE)),
            Text("; ".join(visible(reason["text"]) for reason in cause["reasons"][:_REASONS])),
        )
    return table


def _percent(probability: float) -> str:
    return f"{probability:.0%}"


def _distance(seconds: float) -> str:
    """Return how far from the problem's start: `4 min before`."""
    size = abs(seconds)
    amount = f"{size:.0f} s" if size < _MINUTE else f"{size / _MINUTE:.0f} min" if size < 2 * _HOUR else f"{size / _HOUR:.0f} h"
    return f"{amount} {'after' if seconds > 0 else 'before'}"
