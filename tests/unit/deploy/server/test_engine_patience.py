import asyncio
from typing import NamedTuple

import pytest

from causeline.deploy.server.engine_patience import PATIENCE_MS, EnginePatience, EngineStuck
from causeline.deploy.server.watches import watch_engine


class Part(NamedTuple):
    stuck: str


def test_an_engine_that_is_stuck_for_longer_than_the_patience_ends_the_process_and_says_why() -> None:
    patience = EnginePatience()
    patience.look(["", "all handles are overdue"], 1_000)
    patience.look(["", "all handles are overdue"], 1_000 + PATIENCE_MS)
    with pytest.raises(EngineStuck, match="nothing any more: all handles are overdue"):
        patience.look(["", "all handles are overdue"], 1_001 + PATIENCE_MS)


def test_one_look_at_which_something_came_back_begins_the_time_anew() -> None:
    patience = EnginePatience()
    patience.look(["stuck"], 0)
    patience.look([""], PATIENCE_MS)
    patience.look(["stuck"], PATIENCE_MS + 1)
    patience.look(["stuck"], 2 * PATIENCE_MS)


def test_a_process_that_was_stopped_meanwhile_is_not_taken_for_a_stuck_engine() -> None:
    patience = EnginePatience()
    patience.look([""], 0)
    patience.look(["an insert has been under way for 900 s"], 900_000)
    patience.look([""], 901_000)


async def test_the_watch_looks_at_every_part_until_it_is_cancelled() -> None:
    watch = asyncio.ensure_future(watch_engine([Part(""), Part("")]))
    done, _ = await asyncio.wait([watch], timeout=0)
    assert not done
    watch.cancel()
