"""A ranking of causes in words: what did it, how sure that is, why, and what cannot be seen. Pure; times are as the API writes them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from causeline.query_api.causes.evidence import say_kind
from causeline.query_api.causes.kinds import CUSTOM_LOOKBACK, HOUR, LOOKBACKS
from causeline.query_api.ui.wording import show_offset

RankingJson = Mapping[str, Any]

_PROBABILITIES: Final = (
    (0.9, "almost certain"),
    (0.7, "probable"),
    (0.5, "more likely than not"),
    (0.3, "may well be"),
    (0.1, "less likely"),
    (0.0, "hardly"),
)
_RELATIONS: Final[Mapping[str, str]] = {
    "same_entity": "the same entity",
    "same_service": "same service",
    "dependency": "something it depends on",
    "dependent": "something that calls it",
    "same_tag": "shares a tag",
    "same_environment": "same environment",
    "unscoped": "for everything",
    "other": "no known relation",
}
_KNOWN: Final[Mapping[str, str]] = {"confirmed": "confirmed", "implied": "its rollback ended the problem", "rejected": "ruled out"}
"""What stands in place of a probability, by what people or a rollback said."""
_FEEDBACK: Final = "feedback"
_PLAIN: Final = frozenset({"time", "environment"})
"""Features that the line says by itself where they speak for a change: when it was, and where."""
_SHORT: Final = 4
"""Reasons that stand in the line under a change; all of them are in its table."""


class Suspect(NamedTuple):
    """A change as a cause: its name, how sure in words and as a share, when it was, what speaks for it and against it, and all of it."""

    name: str
    certainty: str
    probability: float
    when: str
    why: Sequence[str]
    against: Sequence[str]
    cause: Mapping[str, Any]


class VerdictWords(NamedTuple):
    """A ranking as people read it: its headline, a sentence or two, the suspects in their order, and what is not seen."""

    headline: str
    sentences: Sequence[str]
    suspects: Sequence[Suspect]
    blind_spots: Sequence[str]
    windows: Sequence[str]


def say_probability(probability: float) -> str:
    """Return a probability in words: a number alone is read as more than it is."""
    return next(words for least, words in _PROBABILITIES if probability >= least)


def say_relation(relation: str) -> str:
    """Return how a change relates to a problem, in words."""
    return _RELATIONS.get(relation, relation.replace("_", " "))


def name_change(event: Mapping[str, Any]) -> str:
    """Return what a change is called: its kind and its title, or its service where it has no title."""
    return f"{say_kind(event['kind'])} {event['title'] or event['service']}".strip()


def say_verdict(ranking: RankingJson, services: Sequence[str]) -> VerdictWords:
    """Return a ranking in words. `services` are those that it looked at: the problem's own, then what that depends on."""
    suspects = [_suspect(cause) for cause in ranking["causes"]]
    return VerdictWords(
        _headline(ranking, suspects),
        list(_sentences(ranking, services)),
        suspects,
        say_blind_spots(ranking["blind_spots"]),
        say_windows(ranking.get("kinds", ())),
    )


def say_published(ranking: RankingJson | None) -> str:
    """Return the headline of a published ranking, as lists of problems have it; '' before the first."""
    return say_verdict(ranking, ()).headline if ranking else ""


def say_blind_spots(spots: Iterable[Mapping[str, str]]) -> list[str]:
    """Return what nobody reports, a line a service: `no migration, no flag change of payments was reported in 30 days`."""
    kinds_by_service: dict[str, list[str]] = {}
    for spot in spots:
        kinds_by_service.setdefault(spot["service"], []).append(say_kind(spot["kind"]))
    return [
        f"{', '.join(f'no {kind}' for kind in kinds)} of {service} was reported in 30 days" for service, kinds in kinds_by_service.items()
    ]


def say_windows(kinds: Iterable[str] = ()) -> list[str]:
    """Return how far back which kinds of changes are looked for: `4 h before it began: deployments, releases, …`.

    `kinds` are those of an answer: ones that only a setting names are among them.
    """
    hours: dict[int, list[str]] = {}
    custom = {kind: CUSTOM_LOOKBACK for kind in kinds if kind not in LOOKBACKS}
    for kind, lookback in {**LOOKBACKS, **custom}.items():
        hours.setdefault(lookback // HOUR, []).append(say_kind(kind))
    return [f"{number} h before it began: {', '.join(names)}" for number, names in sorted(hours.items())]


def _suspect(cause: Mapping[str, Any]) -> Suspect:
    reasons = [reason for reason in cause["reasons"] if reason["feature"] != _FEEDBACK]
    plain = _PLAIN | ({"scope"} if cause["relation"] == "same_service" else set())
    why = [reason["text"] for reason in reasons if reason["contribution"] > 0 and reason["feature"] not in plain]
    against = [reason["text"] for reason in reasons if reason["contribution"] < 0 and reason["feature"] != "time"]
    certainty = _KNOWN.get(cause["feedback"] or "", say_probability(cause["probability"]))
    when = next((reason["text"] for reason in reasons if reason["feature"] == "time"), show_offset(cause["offset_seconds"]))
    return Suspect(name_change(cause["event"]), certainty, cause["probability"], when, why[:_SHORT], against[:_SHORT], cause)


def _headline(ranking: RankingJson, suspects: Sequence[Suspect]) -> str:
    verdict = ranking["verdict"]
    if verdict == "none":
        return "No change did this" if _is_none_confirmed(ranking) else "No change explains this"
    if verdict == "unknown" or not suspects:
        return "Cannot know: nobody reports what changes here"
    if verdict == "likely":
        return f"{'Cause' if suspects[0].cause['feedback'] else 'Likely'}: {suspects[0].name}"
    return f"Possible: {suspects[0].name}" if len(suspects) == 1 else f"Possible: {suspects[0].name}, or another one of these"


def _sentences(ranking: RankingJson, services: Sequence[str]) -> Iterable[str]:
    looked_at = _looked_at(services)
    if _is_none_confirmed(ranking):
        yield "Somebody said so."
    elif not ranking["candidates"]:
        yield f"Nothing changed on {looked_at} in the time that was looked at."
    elif ranking["verdict"] in ("none", "unknown"):
        yield f"What changed before it on or around {looked_at} ({ranking['candidates']:,}) explains it less well than no change."
    if ranking["truncated"]:
        yield "There were more changes; the closest ones were ranked."


def _is_none_confirmed(ranking: RankingJson) -> bool:
    return (ranking["none_assessment"] or {}).get("verdict") == "confirmed"


def _looked_at(services: Sequence[str]) -> str:
    if not services:
        return "any service (the problem does not say which one it has)"
    own, *callees = services
    if not callees:
        return own
    return f"{own} and the {'service' if len(callees) == 1 else f'{len(callees)} services'} it calls"
