"""How dead letters are shown: for people, with everything hostile made visible and everything long cut, and as JSON, whole.

What a letter holds was written by anybody: control characters and the marks that turn the direction of text are never sent to a terminal.
"""

import base64
import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from rich.table import Table

from causeline.deploy.terminal import visible
from causeline.processors.dead_letters.letters import LetterRecord, Marks, contents, mark_key
from causeline.schemas.values.times import rfc3339

_DETAIL: Final = 60
_KEY: Final = 48
_TENANT: Final = 24
_VALUE: Final = 2_000
_DUMPED: Final = 1_024
_ROW: Final = 16


def key_text(key: bytes) -> str:
    """Return a key as text; bytes that are not UTF-8 are escaped."""
    return key.decode("utf-8", "backslashreplace")


def dump(data: bytes, limit: int = _DUMPED) -> Iterator[str]:
    """Yield the lines of a hex dump: offset, sixteen bytes, and what of them is ASCII; at most `limit` bytes."""
    for at in range(0, min(len(data), limit), _ROW):
        row = data[at : min(at + _ROW, limit)]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)  # noqa: PLR2004 - what ASCII prints
        yield f"{at:08x}  {row.hex(' '):<{3 * _ROW}} {text}"
    if len(data) > limit:
        yield f"… and {len(data) - limit} bytes more (--json has them all)"


def letter_table(entries: Sequence[LetterRecord], marks: Marks) -> Table:
    """Return the list, one row a letter."""
    table = Table(box=None, pad_edge=False)
    for heading in ("position", "set aside", "reason", "from", "tenant", "key", "retried", "detail"):
        table.add_column(heading, no_wrap=True)
    for entry in entries:
        table.add_row(*_row(entry, marks))
    return table


def _row(entry: LetterRecord, marks: Marks) -> tuple[str, ...]:
    letter = entry.letter
    if letter is None:
        return str(entry.position), _moment(entry.written_at), "-", "-", "-", "-", "-", "not a dead letter"
    source = f"{letter.topic}:{letter.partition}:{letter.offset}"
    retried_at = marks.get(mark_key(entry))
    return (
        str(entry.position),
        _moment(entry.written_at),
        visible(letter.reason, _TENANT),
        visible(source, _KEY),
        visible(letter.tenant, _TENANT) or "-",
        visible(key_text(letter.key), _KEY) or "-",
        "-" if retried_at is None else _moment(retried_at),
        visible(letter.detail, _DETAIL),
    )


def _moment(ms: int) -> str:
    return rfc3339(ms)[:19].replace("T", " ")


def letter_fields(entry: LetterRecord, marks: Marks) -> dict[str, Any]:
    """Return an entry as JSON values, all but the record that it carries. Times are RFC 3339."""
    letter = entry.letter
    fields: dict[str, Any] = {"position": str(entry.position), "set_aside_at": rfc3339(entry.written_at)}
    if letter is None:
        return fields | {"reason": None, "detail": "not a dead letter"}
    retried_at = marks.get(mark_key(entry))
    return fields | {
        "reason": letter.reason,
        "detail": letter.detail,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "tenant": letter.tenant,
        "id": letter.id,
        "key": key_text(letter.key),
        "task_time": letter.at,
        "retried_at": None if retried_at is None else rfc3339(retried_at),
    }


def whole(entry: LetterRecord, marks: Marks) -> dict[str, Any]:
    """Return an entry as JSON values with the record that it carries: its bytes in base64, and decoded where that is possible."""
    fields = letter_fields(entry, marks)
    if entry.letter is None:
        return fields
    value = entry.letter.value
    return fields | {"bytes": len(value), "value": base64.b64encode(value).decode(), "record": contents(entry.letter)}


def letter_lines(entry: LetterRecord, marks: Marks, verdict: str) -> Iterator[str]:
    """Yield the lines of one letter for people; `verdict` says whether it may be retried."""
    width = 13
    for name, value in letter_fields(entry, marks).items():
        yield f"{name:<{width}} {visible(str(value)) if value not in (None, '') else '-'}"
    yield f"{'retry':<{width}} {verdict}"
    if entry.letter is None:
        return
    record = contents(entry.letter)
    if record is None:
        yield f"{'record':<{width}} {len(entry.letter.value)} bytes that do not decode"
        yield from dump(entry.letter.value)
        return
    yield f"{'record':<{width}} {len(entry.letter.value)} bytes"
    for line in json.dumps(_shorten(record), ensure_ascii=False, indent=2).splitlines():
        yield visible(line, _VALUE + width)


def _shorten(value: Any) -> Any:
    if isinstance(value, dict):
        return {visible(name, _KEY): _shorten(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_shorten(inner) for inner in value]
    return value[:_VALUE] + f"… ({len(value)} characters)" if isinstance(value, str) and len(value) > _VALUE else value
