"""How a ranking of causes is shown: what the problem is, the verdict in words, a row a change with its weightiest reasons. Pure.

Titles are written by whoever may send events: nothing that steers a terminal is printed (`visible`).
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from causeline.deploy.commands.distances import short_distance
from causeline.deploy.terminal import visible

_NAME: Final = 24
_TITLE: Final = 60
_REASONS: Final = 3
_LIKELY: Final = 0.5

RankingView = Mapping[str, Any]

_VERDICTS: Final[Mapping[str, str]] = {
    "likely": "the first change below likely did it",
    "possible": "one of the first changes below may have done it",
    "none": "no change did it, as far as changes are reported here",
    "unknown": "no known change did it, but nobody reports what this service and those it depends on change",
}


def verdict_lines(ranking: RankingView) -> Iterator[str]:
    """Yield what stands above the table: the problem or the onset, the verdict, what was not seen."""
    yield _subject(ranking)
    words = _opinion_words(ranking) or _VERDICTS.get(ranking["verdict"], visible(str(ranking["verdict"])))
    yield f"{words} (no change: {_percent(ranking['none_probability'])} of {ranking['candidates']} candidates and none)"
    if not ranking["candidates"] and ranking.get("kinds"):
        yield f"looked for: {', '.join(visible(str(kind), _NAME) for kind in ranking['kinds'])}; events of other kinds are no changes"
    if ranking["truncated"]:
        yield "there were more changes; the closest ones were ranked"
    if ranking["provisional"]:
        young = "the problem is young" if "problem" in ranking else "that is less than an hour ago"
        yield f"provisional: {young}, and changes and their ends may still come in"
    for spot in ranking["blind_spots"]:
        yield f"not seen: no {visible(spot['kind'])} of {visible(spot['service'], _NAME)} was reported in 30 days"


def _opinion_words(ranking: RankingView) -> str:
    """Return what somebody confirmed, where that decides; empty where the ranking itself does."""
    if ranking["verdict"] == "none" and (ranking.get("none_assessment") or {}).get("verdict") == "confirmed":
        return "somebody confirmed that no change did it"
    if ranking["verdict"] == "likely" and ranking["causes"] and ranking["causes"][0].get("feedback") in ("confirmed", "implied"):
        return "the first change below did it, as somebody confirmed or its rollback showed"
    return ""


def past_line(ranking: RankingView) -> str:
    """Return what stands above a ranking that was published at a time."""
    return f"as published at {visible(ranking['computed_at'])}, revision {ranking['revision']}"


def _subject(ranking: RankingView) -> str:
    """Return what was ranked in one line: a problem, or an onset without one."""
    about = ranking.get("problem", ranking)
    where = ", ".join(visible(str(about[name]), _NAME) for name in ("service", "environment") if about[name])
    if about is ranking:
        return f"{visible(about['at'])}  {where}"
    return f"{visible(about['start'])}  {visible(about['state'])}  {visible(about['title'], _TITLE)}{f' ({where})' if where else ''}"


def cause_table(ranking: RankingView) -> Table:
    """Return the causes, the likeliest first."""
    table = Table(box=None, pad_edge=False)
    for heading in ("chance", "when", "kind", "service", "relation", "title", "because"):
        table.add_column(heading, no_wrap=heading not in ("title", "because"))
    for cause in ranking["causes"]:
        event = cause["event"]
        table.add_row(
            Text(_percent(cause["probability"]), "bold red" if cause["probability"] >= _LIKELY else ""),
            short_distance(cause["offset_seconds"]),
            visible(event["kind"], _NAME),
            visible(event["service"], _NAME) or "-",
            visible(cause["relation"].replace("_", " ")),
            Text(visible(event["title"], _TITLE)),
            Text("; ".join(visible(reason["text"]) for reason in cause["reasons"][:_REASONS])),
        )
    return table


def _percent(probability: float) -> str:
    return f"{probability:.0%}"
