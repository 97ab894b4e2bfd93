"""What a rebuild says of a comparison. Pure."""

from collections.abc import Iterator

from causeline.processors.sink.comparison import Comparison


def lines_of(outcome: Comparison) -> Iterator[str]:
    """Say what was found, a line each."""
    for number, what in ((outcome.expired, "expired by retention"), (outcome.unconfirmed, "not confirmed by the sink yet")):
        if number:
            yield f"not compared: {number} rows ({what})"
    if not outcome.differing:
        yield f"equal: {outcome.equal} rows"
        return
    yield f"different: {outcome.differing} rows; equal: {outcome.equal} rows"
    for difference in outcome.first:
        yield f"  {difference.table}: {difference.kind}: {' '.join(difference.key)}"
