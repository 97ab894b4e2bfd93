"""Whether a changelog still holds the state that the committed offset promises.

State and offset are committed in one transaction, and every round writes a `Standing` into the changelog: so after a restore the newest
standing must be at the committed offset, and the log must still begin where it began when the state in it was complete. Anything else
means that records were taken from the changelog from outside (DeleteRecords, a topic made anew, a disk lost), and that what was
restored is not the state: deduplication, versions and problems would silently go wrong.

A compact-only topic never moves its first offset by itself, so one that moved is a sign of its own.
"""

from typing import Final, Literal, NamedTuple

import msgspec

from causeline.processors.runtime.ports import FirstOffsets

STANDING_KEY: Final = b"o"

Loss = Literal["changelog_empty", "changelog_head_lost", "changelog_tail_lost"]


class Standing(NamedTuple):
    """What a round says of the changelog that it ends.

    `position` is the next input offset; `complete_from` the first offset of the changelog when everything behind it was the whole state.
    """

    position: int
    complete_from: int


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Standing)


def encode_standing(standing: Standing) -> bytes:
    """Return the changelog value of a standing."""
    return _encoder.encode(standing)


def decode_standing(value: bytes) -> Standing:
    """Return the standing of a changelog value."""
    return _decoder.decode(value)


def find_loss(standing: Standing | None, committed: int, starts: FirstOffsets) -> Loss | None:
    """Return what the changelog lost of the state at the offset `committed`; None where it holds it whole.

    Nothing is promised where the committed offset is the start of the input log: a new group, or one whose records are gone.
    """
    if standing is None:
        return "changelog_empty" if committed > starts.input else None
    if starts.changelog > standing.complete_from:
        return "changelog_head_lost"
    if standing.position < committed and committed > starts.input:
        return "changelog_tail_lost"
    return None
