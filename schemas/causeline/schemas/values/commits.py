"""The commits that a change brings, as clients list them: `"sha"`, or `{"id": "sha", "time": …}`, mixed as they like.

An id is whatever names a commit where it comes from: git's are hexadecimal, others are not. Where the list is a field of an API, what is
wrong in it is refused there. Where it lies among members that may hold anything, it is no list of commits unless all of it is one: half of
a list would be a wrong fact, none is an unknown one.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from causeline.schemas.values.times import epoch_ms, event_time, rfc3339

MAX_COMMITS: Final = 1_000
"""Of one change."""
MAX_COMMIT_ID: Final = 200
"""Characters of an id."""
COMMITS: Final = "commits"
"""The member that lists them, in every API that has them."""

TimeReader = Callable[[Any], int | None]
"""Return the time (ms UTC) that a client wrote, None where it wrote none. Raises ValueError."""


class Commit(NamedTuple):
    """A commit: its id, and when it was made (ms UTC, 0: not said)."""

    id: str
    time: int


def commit_of(value: Any, read_time: TimeReader) -> Commit:
    """Return the commit that one element of a list says. Raises ValueError."""
    own, time = (value.get("id"), value.get("time")) if isinstance(value, dict) else (value, None)
    if not isinstance(own, str):
        raise ValueError("must be the id of a commit, or an object with its id and its time")  # noqa: TRY004 - one error for all that is wrong
    if not 0 < len(own) <= MAX_COMMIT_ID:
        raise ValueError(f"the id of a commit has 1 to {MAX_COMMIT_ID} characters")
    return Commit(own, read_time(time) or 0)


def columns_of_commits(commits: Sequence[Commit]) -> dict[str, list[Any]]:
    """Return the two columns of an event that hold commits."""
    return {COMMITS: [commit.id for commit in commits], "commit_times": [commit.time for commit in commits]}


def columns_of_anything(value: Any) -> dict[str, list[Any]]:
    """Return the columns of what may be a list of commits, empty where it is none. A time is ISO 8601 or milliseconds since the epoch.

    Both columns are always there: a patch that takes the list away empties them.
    """
    try:
        elements = value if isinstance(value, list) and len(value) <= MAX_COMMITS else []
        return columns_of_commits([commit_of(element, _read_time) for element in elements])
    except ValueError:
        return columns_of_commits([])


def commits_view(ids: Sequence[str], times: Sequence[int]) -> list[Any]:
    """Return commits as they are shown: an id alone where no time is known, times in RFC 3339, UTC."""
    return [{"id": own, "time": rfc3339(time)} if time else own for own, time in zip(ids, times, strict=True)]


def _read_time(value: Any) -> int | None:
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return event_time(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return epoch_ms(value)
    raise ValueError("must be an ISO 8601 time or milliseconds since the epoch")
