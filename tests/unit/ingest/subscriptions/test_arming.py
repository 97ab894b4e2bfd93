"""Rules reach every partition, however often telling them fails."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import msgspec
import pytest

from causeline.ingest.adapters.memory.config import MemoryConfigLog
from causeline.ingest.adapters.memory.health import MemoryHealth
from causeline.ingest.adapters.memory.log import MemoryCurrentEvents, MemoryEventLog, MemoryOpenProblems
from causeline.ingest.app import IngestService
from causeline.ingest.subscriptions.arming import Arming
from causeline.ingest.subscriptions.subscribing import Subscribing
from causeline.schemas.records.config import HOOKS, Value
from causeline.schemas.subscriptions.endpoints import AllowList
from causeline.schemas.subscriptions.rules import GONE_KEPT_MS, Rule, Subscription, Target
from causeline.schemas.web.errors import Unavailable
from tests.contract.event_logs import until
from tests.desk_samples import NOW
from tests.subscribing import rule_of
from tests.subscriptions_memory import MemorySubscriptions


class Server:
    """A server's arming over a log and a configuration; `run` is its background."""

    def __init__(self, config: MemoryConfigLog) -> None:
        self.log = MemoryEventLog()
        service = IngestService(self.log, MemoryCurrentEvents(), MemoryOpenProblems(), bytes)
        self.now = NOW
        self.arming = Arming(service, config, lambda: self.now, settle_s=0.0)

    def told_rules(self) -> list[list[Rule]]:
        return [[rule_of(value) for _, value in partition] for partition in self.log.partitions]

    async def run_until(self, condition: Callable[[], bool]) -> None:
        background = asyncio.create_task(self.arming.run())
        try:
            await until(condition, 10)
        finally:
            background.cancel()
            with suppress(asyncio.CancelledError):
                await background

    async def run_until_told(self) -> None:
        await self.run_until(lambda: bool(self.told_rules()[0]) and not self.arming.late)


class Unsure(MemoryConfigLog):
    """A configuration that takes a write, but does not say so in time."""

    async def put(self, kind: str, key: str, value: Value | None) -> None:
        await super().put(kind, key, value)
        raise Unavailable("later")


def rule(number: int, revision: int = 1) -> Rule:
    return Rule(id=f"s{number}", tenant="t", revision=revision, created_at=NOW)


async def test_a_starting_server_tells_every_rule_and_every_end() -> None:
    api = MemorySubscriptions()
    staying, ended = await api.make(), await api.make()
    await api.ask("DELETE", f"/{ended['id']}")
    await api.config.put(HOOKS, "t/broken", {"rule": 1})
    server = Server(api.config)
    await server.run_until_told()
    for rules in server.told_rules():
        assert {(one.id, one.revision, one.gone) for one in rules} == {(staying["id"], 1, False), (ended["id"], 2, True)}


async def test_what_could_not_be_told_is_told_later_in_its_newest_revision() -> None:
    server = Server(MemoryConfigLog())
    server.log.away = True
    for revision in (1, 3, 2):
        with pytest.raises(Unavailable):
            await server.arming.tell([rule(1, revision), rule(2)])
    assert server.arming.late == 2
    server.log.away = False
    await server.run_until_told()
    assert server.told_rules() == [[rule(1, 3), rule(2)]] * 4


async def test_many_rules_all_arrive() -> None:
    server = Server(MemoryConfigLog())
    rules = [rule(number) for number in range(250)]
    await server.arming.tell(rules)
    assert server.told_rules() == [rules] * 4
    assert server.arming.late == 0


async def test_a_write_whose_outcome_is_unknown_is_told_if_it_is_there() -> None:
    config = Unsure()
    server = Server(config)
    service = IngestService(server.log, MemoryCurrentEvents(), MemoryOpenProblems(), bytes)
    parts = Subscribing(service, config, MemoryHealth(), server.arming, sealer=None, allow_list=AllowList())
    first, unknown_write = (Subscription(rule=rule(number), target=Target(type="webhook"), updated_at=NOW) for number in range(2))
    await MemoryConfigLog.put(config, HOOKS, "t/s0", msgspec.to_builtins(first))

    background = asyncio.create_task(server.arming.run())
    await until(lambda: server.told_rules() == [[first.rule]] * 4 and not server.arming.late, 10)
    with pytest.raises(Unavailable):
        await parts.store(HOOKS, "t/s1", msgspec.to_builtins(unknown_write), [unknown_write.rule])
    await until(lambda: all(rules[-1] == unknown_write.rule for rules in server.told_rules()), 10)
    background.cancel()
    await asyncio.wait([background])


async def test_an_end_is_forgotten_after_a_month() -> None:
    api = MemorySubscriptions()
    staying, ended = await api.make(), await api.make()
    await api.ask("DELETE", f"/{ended['id']}")
    server = Server(api.config)
    server.now = NOW + GONE_KEPT_MS
    await server.run_until_told()
    assert api.config.view.get(HOOKS, f"t/{ended['id']}") is not None
    server.now += 1
    await server.run_until(lambda: api.config.view.get(HOOKS, f"t/{ended['id']}") is None)
    assert api.config.view.get(HOOKS, f"t/{staying['id']}") is not None


async def test_an_end_that_cannot_be_read_stops_nothing() -> None:
    api = MemorySubscriptions()
    ended = await api.make()
    await api.ask("DELETE", f"/{ended['id']}")
    await api.config.put(HOOKS, "t/broken", {"gone": [{"rule": "x"}]})
    server = Server(api.config)
    server.now = NOW + GONE_KEPT_MS + 1
    await server.run_until(lambda: api.config.view.get(HOOKS, f"t/{ended['id']}") is None)
    assert api.config.view.get(HOOKS, "t/broken") is not None
