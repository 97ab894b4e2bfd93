"""What people said, problem by problem, as a fit takes it. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from causeline.query_api.causes.evidence import Term
from causeline.query_api.causes.fitting import NO_CHANGE, TermExample
from causeline.schemas.feedback.assessment import NO_EVENT, AssessmentVerdict


class FeedbackPair(msgspec.Struct, frozen=True):
    """What was said of an event (or `none`) in a problem; `at` is a time as text, by which of two confirmed ones the newer counts."""

    problem_id: str
    event_id: str
    verdict: AssessmentVerdict
    at: str = ""


class Knowledge(NamedTuple):
    """What is known of a problem: its cause (`NO_CHANGE`: none; None: not known), and what was not."""

    cause: str | None
    rejections: frozenset[str]


_PAIR: Final = msgspec.json.Decoder(FeedbackPair)


def read_pairs(text: bytes) -> Iterator[FeedbackPair]:
    """Yield the pairs of JSON lines. Raises ValueError that names the line."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                yield _PAIR.decode(line)
            except msgspec.MsgspecError as error:
                raise ValueError(f"line {number}: {error}") from error


def pair_of(view: Mapping[str, Any]) -> FeedbackPair:
    """Return a pair as the server lists it."""
    return msgspec.convert(view, FeedbackPair)


def knowledge_of(pairs: Iterable[FeedbackPair]) -> dict[str, Knowledge]:
    """Return what is known of each problem, the newest first: their ids carry their times."""
    words: dict[str, dict[str, FeedbackPair]] = {}
    for pair in pairs:
        words.setdefault(pair.problem_id.lower(), {})[pair.event_id.lower()] = pair
    return {problem: _knowledge(words[problem]) for problem in sorted(words, reverse=True)}


def _knowledge(words: Mapping[str, FeedbackPair]) -> Knowledge:
    confirmations = [(pair.at, event) for event, pair in words.items() if pair.verdict == "confirmed"]
    cause = _name(max(confirmations)[1]) if confirmations else None
    return Knowledge(cause, frozenset(_name(event) for event, pair in words.items() if pair.verdict == "rejected"))


def _name(event: str) -> str:
    return NO_CHANGE if event == NO_EVENT else event


def example_of(knowledge: Knowledge, view: Mapping[str, Any]) -> TermExample | None:
    """Return the example that a problem's terms, as the server shows them, and what is known make; None where they teach nothing."""
    changes = {change["event_id"]: _terms(change) for change in view["changes"]}
    example = TermExample(_terms(view["none"]), changes, knowledge.cause, knowledge.rejections)
    return example if example.is_telling else None


def _terms(view: Mapping[str, Any]) -> tuple[Term, ...]:
    return tuple(Term(weight, value) for weight, value in view["terms"].items())
