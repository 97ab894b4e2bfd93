"""What became of acknowledged writes, judged from the records of the public topics alone. Pure.

Every acknowledged write makes exactly one version of its event, and versions start at 1 and have no gap. So a version that is missing is
lost, one that is there twice, or that nobody's write stands for, is doubled, and one that comes before its predecessor, or on another
partition than the others, is out of order. Problems tell a story besides: it begins with an opening and ends with a closing.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from causeline.schemas.records.problem import Transition


class Seen(NamedTuple):
    """One record of `causeline.events`."""

    partition: int
    id: str
    version: int


class Moved(NamedTuple):
    """One record of `causeline.problems`; `event_id` is the event whose changes move the problem."""

    partition: int
    id: str
    version: int
    event_id: str
    transition: Transition


class Counts(NamedTuple):
    """How many records are missing, are there too often, and are not in their place."""

    lost: int
    doubled: int
    out_of_order: int


_OPENINGS: Final = frozenset({"opened", "reopened"})
_ENDS: Final = frozenset({"closed", "timed_out", "deleted"})


def judge_versions(writes: Mapping[str, int], records: Iterable[Seen]) -> Counts:
    """Compare the records with the writes acknowledged of each id (a create alone is 1)."""
    versions_of: dict[str, set[int]] = {}
    places: dict[str, int] = {}
    doubled = out_of_order = 0
    for record in records:
        versions = versions_of.setdefault(record.id, set())
        if record.version in versions or record.version > writes.get(record.id, 0):
            doubled += 1
        elif record.version != max(versions, default=0) + 1 or places.setdefault(record.id, record.partition) != record.partition:
            out_of_order += 1
        versions.add(record.version)
    lost = sum(len(set(range(1, count + 1)) - versions_of.get(name, set())) for name, count in writes.items())
    return Counts(lost, doubled, out_of_order)


def judge_lives(closings: Mapping[str, int], moves: Iterable[Moved]) -> Counts:
    """Compare the transitions with the times that each event's problem was opened and closed again (as often as it was opened).

    Refreshes are published at most once in ten seconds, so their number is not judged, only their place.
    """
    open_now: dict[str, str] = {}
    versions: dict[str, int] = {}
    ended: dict[str, int] = {}
    out_of_order = doubled = 0
    for move in moves:
        if move.version <= versions.get(move.id, 0):
            doubled += 1
            continue
        follows = move.version == versions.get(move.id, 0) + 1
        versions[move.id] = move.version
        now_open = open_now.get(move.event_id)
        in_place = now_open is None if move.transition in _OPENINGS else now_open == move.id
        out_of_order += not (follows and in_place)
        if move.transition in _ENDS:
            open_now.pop(move.event_id, None)
            ended[move.event_id] = ended.get(move.event_id, 0) + 1
        else:
            open_now[move.event_id] = move.id
    lost = sum(max(0, count - ended.get(name, 0)) for name, count in closings.items())
    doubled += sum(max(0, count - closings.get(name, 0)) for name, count in ended.items())
    return Counts(lost, doubled, out_of_order)
