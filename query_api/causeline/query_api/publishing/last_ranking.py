"""What is remembered of the newest revision of a ranking: enough to go on from, and to tell whether the next says anything new. Pure."""

import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from causeline.schemas.records.causes import CauseEntry, CauseRevision

_DIGEST_BYTES: Final = 16


class LastRanking(NamedTuple):
    """The newest revision without what takes room (`bare`), and what it said.

    `first` is the event id of its first cause, "" without one; `digest` is of the published causes in their order, with their feedback.
    """

    bare: CauseRevision
    first: str
    digest: bytes

    @property
    def revision(self) -> int:
        """Return its number."""
        return self.bare.revision

    @property
    def told_verdict(self) -> str:
        """Return the verdict that was told last: a revision that was no news repeats what was told before it, or was never told."""
        return self.bare.verdict if self.bare.is_news else self.bare.previous_verdict


def last_ranking_of(revision: CauseRevision) -> LastRanking:
    """Return what is remembered of a revision."""
    bare = msgspec.structs.replace(revision, causes=[], blind_spots=[], title="", text="", tags={}, entities=[])
    return LastRanking(bare, revision.first, _digest(revision.causes))


def is_other(revision: CauseRevision, before: LastRanking) -> bool:
    """Tell whether the order of the published causes, what people said of them, or the verdict is another one than before."""
    return (revision.verdict, _digest(revision.causes)) != (before.bare.verdict, before.digest)


def _digest(causes: Sequence[CauseEntry]) -> bytes:
    order = "\n".join(f"{cause.event_id} {cause.feedback}" for cause in causes)
    return hashlib.blake2b(order.encode(), digest_size=_DIGEST_BYTES).digest()
