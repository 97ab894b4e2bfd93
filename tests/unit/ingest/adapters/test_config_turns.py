"""A turn for each tenant: an import waits for itself, whoever writes one thing does not wait for it."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from causeline.ingest.adapters.kafka.config_turns import BATCH_BYTES, PIECE_BYTES, PIECE_RECORDS, ConfigTurns, KeyedValue, Piece, pieces

SIZES = st.lists(st.integers(0, 3 * PIECE_BYTES // 2), max_size=40)


def records_of(*sizes: int) -> list[KeyedValue]:
    return [KeyedValue(b"%d" % number, b"x" * size) for number, size in enumerate(sizes)]


def drain(turns: ConfigTurns) -> list[list[Piece]]:
    batches = []
    while batch := turns.next_batch():
        batches.append(batch)
    return batches


@given(SIZES)
async def test_pieces_are_the_records_in_their_order_within_the_bounds(sizes: list[int]) -> None:
    records = records_of(*sizes)
    cut = list(pieces(records))
    assert [record for piece in cut for record in piece.records] == records
    for piece in cut:
        assert 1 <= len(piece.records) <= PIECE_RECORDS
        assert piece.size == sum(len(record.key) + len(record.value) for record in piece.records)
        assert piece.size <= PIECE_BYTES or len(piece.records) == 1


@given(st.dictionaries(st.sampled_from("abc"), SIZES))
async def test_batches_are_bounded_and_keep_the_order_of_each_tenant(sizes: dict[str, list[int]]) -> None:
    turns = ConfigTurns()
    waiting = {tenant: list(pieces(records_of(*of_tenant))) for tenant, of_tenant in sizes.items()}
    for tenant, cut in waiting.items():
        for piece in cut:
            turns.add(tenant, piece)
    batches = drain(turns)
    order = [piece for batch in batches for piece in batch]
    for cut in waiting.values():
        places = [next(at for at, one in enumerate(order) if one is piece) for piece in cut]
        assert places == sorted(places)
    assert len(order) == sum(map(len, waiting.values()))
    assert all(sum(piece.size for piece in batch[:-1]) < BATCH_BYTES for batch in batches)


async def test_who_comes_while_an_import_is_written_is_in_the_next_batch() -> None:
    turns = ConfigTurns()
    for piece in pieces(records_of(*[PIECE_BYTES] * 200)):
        turns.add("importer", piece)
    turns.next_batch()
    (small,) = pieces(records_of(10))
    turns.add("bystander", small)
    batch = turns.next_batch()
    assert [piece is small for piece in batch] == [False, True]  # a piece of each: no more of the import than that


async def test_what_nobody_waits_for_any_more_is_not_written() -> None:
    turns = ConfigTurns()
    cut = list(pieces(records_of(*[PIECE_BYTES] * 3)))
    for piece in cut:
        turns.add("t", piece)
    cut[1].offsets.cancel()
    await asyncio.wait([cut[1].offsets])
    assert drain(turns) == [[cut[0], cut[2]]]
