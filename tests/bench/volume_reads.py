"""Reads a filled folder in a process of its own: what to ask (rows that are there), and how many rows each query makes the engine read.

    python -m tests.bench.volume_reads FOLDER N [QUERY …]

The server's own routes, store and engine bounds answer here, one by one; the engine's counters before and after tell what was
read. Its last line is JSON: the requests of each query, the mean rows and bytes that the first of them read, their statuses, and how many
bytes the tables take on disk.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from clickhouse_connect.driver.client import Client

from causeline.deploy.server.routing import RouteTable
from causeline.processors.adapters.clickhouse import apply_migrations, open_engine
from causeline.query_api import routes as query_http
from causeline.query_api.adapters.clickhouse.store import ClickHouseEventStore
from causeline.query_api.adapters.memory.store import MemoryEventStore, MemoryFrontier
from causeline.query_api.reading.reader import Reader
from causeline.query_api.reading.recent import RecentWrites
from causeline.schemas.migrations import TableLayout
from causeline.schemas.web.errors import RequestError
from causeline.schemas.web.http import HttpRequest
from tests.bench.volume_fill import RETENTION_DAYS, TENANT
from tests.bench.volume_requests import QUERIES, Request, Samples, requests

COUNTED: Final = 3
_TIMES: Final = (12, 60)
_COUNTED_S: Final = 2.0
_KINDS: Final = {
    "native": "dialect = 'native' AND substring(id, 15, 1) = '7'",
    "keyed": "substring(id, 15, 1) = '5'",
    "tracker": "dialect = 'tracker'",
    "slack": "dialect = 'tracker' AND mapContains(tags, 'slackId')",
    "related": "dialect = 'tracker' AND related_id != ''",
    "desk": "dialect = 'desk'",
    "apitraffic": "dialect = 'apitraffic'",
}


def sampled(client: Client, n: int) -> Samples:
    """Return rows from all over the stored time, of more times the more requests (`n`) are made of them."""
    times = min(max(n, _TIMES[0]), _TIMES[1])
    bounds = client.query("SELECT toUnixTimestamp64Milli(min(ts)), toUnixTimestamp64Milli(max(ts)) FROM events_by_time").result_rows[0]
    first, last = int(bounds[0]), min(int(bounds[1]), time.time_ns() // 1_000_000)
    events: dict[str, list[dict[str, Any]]] = {}
    for name, condition in _KINDS.items():
        for step in range(times):
            low = first + (last - first) * step // times
            text = (
                "SELECT id, toUnixTimestamp64Milli(ts) AS ms, tags, related_id FROM events_by_time WHERE tenant = {tenant:String}"
                f" AND ts >= fromUnixTimestamp64Milli({{low:Int64}}, 'UTC') AND {condition} ORDER BY ts LIMIT 1"
            )
            events.setdefault(name, []).extend(client.query(text, parameters={"tenant": TENANT, "low": low}).named_results())
    text = "SELECT id FROM problem_transitions WHERE tenant = {tenant:String} AND version = 1 ORDER BY sipHash64(id) LIMIT 100"
    problems = [str(row[0]) for row in client.query(text, parameters={"tenant": TENANT}).result_rows]
    return Samples(events, problems, first, last)


class Counted:
    """The reading half of a server in this process, over the folder's engine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.client = open_engine(folder / "clickhouse", "causeline")
        self._store = ClickHouseEventStore(lambda: open_engine(folder / "clickhouse", "causeline"))
        reader = Reader(self._store, MemoryFrontier(MemoryEventStore()), RecentWrites(time.monotonic))
        self._table = RouteTable(query_http.routes(reader, "document"))

    async def close(self) -> None:
        await self._store.close()
        self.client.close()

    async def ask(self, request: Request) -> int:
        """Answer as a server does; return the status."""
        match = self._table.match("GET", request.path)
        query, now = urlencode(request.parameters), time.time_ns() // 1_000_000
        asked = HttpRequest("GET", request.path, match.params, query, {}, b"", TENANT, now)
        route = match.choose(asked)
        try:
            return (await route.handler(asked)).status
        except RequestError as error:
            return route.api.refuse(error).status
        except (msgspec.MsgspecError, ValueError):
            return 500  # as a server answers what it did not expect

    def stored(self) -> int:
        """Return the bytes of all tables on disk, with their indexes, without the parts that merges have left to be removed."""
        text = "SELECT sum(bytes_on_disk) FROM system.parts WHERE database = 'causeline' AND active"
        return int(self.client.query(text).result_rows[0][0])

    def read(self) -> tuple[int, int]:
        """Return the rows and bytes that the engine has read so far."""
        text = "SELECT event, value FROM system.events WHERE event IN ('SelectedRows', 'SelectedBytes')"
        counters = {str(name): int(value) for name, value in self.client.query(text).result_rows}
        return counters.get("SelectedRows", 0), counters.get("SelectedBytes", 0)


async def reads(reader: Counted, requests_of: dict[str, list[Request]]) -> tuple[dict[str, dict[str, float]], dict[str, list[int]]]:
    """Return for each query the mean rows and bytes read, and the statuses of the answers."""
    before, after = reader.read(), reader.read()
    looking = [b - a for a, b in zip(before, after, strict=True)]
    means: dict[str, dict[str, float]] = {}
    statuses: dict[str, list[int]] = {}
    for name, several in requests_of.items():
        before, began = reader.read(), time.monotonic()
        answered = statuses.setdefault(name, [])
        for request in several[:COUNTED]:
            answered.append(await reader.ask(request))
            if time.monotonic() - began > _COUNTED_S:
                break
        rows, size = (b - a - own for a, b, own in zip(before, reader.read(), looking, strict=True))
        means[name] = {"read_rows": round(rows / len(answered)), "read_bytes": round(size / len(answered))}
    return means, statuses


async def main() -> None:
    folder, n = Path(sys.argv[1]), int(sys.argv[2])
    client = open_engine(folder / "clickhouse")
    apply_migrations(client, TableLayout(retention_days=RETENTION_DAYS))
    client.close()
    reader = Counted(folder)
    names = sys.argv[3:] or QUERIES
    requests_of = {name: several for name, several in requests(sampled(reader.client, n), n).items() if name in names}
    means, statuses = await reads(reader, requests_of)
    stored = reader.stored()
    await reader.close()
    json.dump({"requests": requests_of, "reads": means, "statuses": statuses, "stored": stored}, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main())
