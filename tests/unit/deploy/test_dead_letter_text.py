from typing import Any

from causeline.deploy.commands.dead_letters import text
from causeline.deploy.terminal import visible
from causeline.processors.dead_letters.letters import LetterPosition, LetterRecord, mark_key
from causeline.schemas.records.ingest import DeadLetter
from causeline.schemas.topics import INGEST
from causeline.schemas.wire import codec
from tests.partition_log import MINUTE, T0, create, event

WRITTEN = T0 + MINUTE


def entry(value: bytes = b"", **columns: Any) -> LetterRecord:
    letter_columns = {"detail": "why", "tenant": "acme", "id": "i", "at": T0, "partition": 3, "offset": 7, "key": b"key"} | columns
    letter = DeadLetter(reason="undecodable", topic=INGEST, value=value, **letter_columns)  # type: ignore[arg-type] # any text may come
    return LetterRecord(LetterPosition(0, 17), WRITTEN, letter)


def test_nothing_that_steers_a_terminal_is_printed() -> None:
    hostile = "a\x1b[2J\r\n\u202e\x00ß\U0001f600 "
    assert visible(hostile) == r"a\x1b[2J\r\n\u202e\x00ß😀 "
    lines = list(text.letter_lines(entry(b"\x1b[2J", detail=hostile, tenant=hostile, id=hostile, key=b"\x1b\xff"), {}, "no"))
    lines += list(text.letter_lines(entry(codec.encode_record(create(event(1, title=hostile), T0))), {}, "no"))
    assert all(line.isprintable() for line in lines)


def test_what_is_long_is_cut_for_people() -> None:
    letter = entry(codec.encode_record(create(event(1, text="x" * 100_000), T0)), detail="y" * 5_000)
    assert max(map(len, text.letter_lines(letter, {}, "no"))) < 2_100
    assert visible("x" * 70, 60) == "x" * 59 + "…"


def test_bytes_that_do_not_decode_are_dumped_up_to_a_bound() -> None:
    assert list(text.dump(b"causeline\x00\xff")) == ["00000000  63 61 75 73 65 6c 69 6e 65 00 ff                 causeline.."]
    assert list(text.dump(b"a" * 33, 32))[-1] == "… and 1 bytes more (--json has them all)"
    assert len(list(text.letter_lines(entry(b"\x00" * (1 << 20)), {}, "no"))) < 90


def test_json_has_every_byte() -> None:
    whole = text.whole(entry(b"\xff\x00"), {mark_key(entry()): T0})
    assert (whole["value"], whole["bytes"], whole["record"], whole["retried_at"]) == ("/wA=", 2, None, "2026-09-21T14:13:20.000Z")
