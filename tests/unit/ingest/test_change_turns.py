"""Changes of one key take turns; those of others wait for nothing, and nothing is kept of who is done."""

import asyncio
import gc

from causeline.ingest.change_turns import ChangeTurns
from tests import patience


async def test_one_of_a_key_is_under_way_and_keys_are_beside_each_other() -> None:
    turns, under_way, most = ChangeTurns(), dict.fromkeys(("a", "b"), 0), dict.fromkeys(("a", "b", "both"), 0)

    async def change(key: str) -> None:
        async with turns.of(key):
            under_way[key] += 1
            most[key] = max(most[key], under_way[key])
            most["both"] = max(most["both"], sum(under_way.values()))
            await patience.turn()
            gc.collect()
            await patience.turn()
            under_way[key] -= 1

    await asyncio.gather(*(change(key) for key in "abababab"))
    assert most == {"a": 1, "b": 1, "both": 2}


async def test_a_key_whose_turns_are_over_takes_no_room() -> None:
    turns = ChangeTurns()
    for number in range(1_000):
        async with turns.of(f"key-{number}"):
            assert len(turns) == 1
    assert len(turns) == 0
