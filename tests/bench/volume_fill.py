"""Fills the real tables with as many events as wanted, made in the engine: 400 days, ten tenants, every API, raw JSON, problems.

Rows are a function of their number. They are written a month at a time, newest first: a fill that was stopped goes on where it was, and
what is there can be measured. In operation a month is one part a day after its last event (`min_age_to_force_merge_seconds`), so it is
merged by hand here; the newest keeps the overlapping parts that the engine leaves by itself, as in operation. Of fifty ids one comes from
an idempotency key, the others are UUIDv7 that carry the event's time. What must change together: the columns here and
`schemas/clickhouse/*.sql`.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from threading import Event
from typing import Final, NamedTuple

import clickhouse_connect
from clickhouse_connect.driver.client import Client

from causeline.processors.adapters.clickhouse import apply_migrations
from causeline.schemas.migrations import TableLayout
from tests import patience

DAYS: Final = int(os.environ.get("VOLUME_DAYS", "400"))
"""Fewer days with fewer events are as dense: 10 M in 40 days cost a question about hours what 100 M in 400 do."""
RETENTION_DAYS: Final = 7_300
TENANT: Final = "acc_fleet"
"""The tenant that has six of ten events; an account of ApiTraffic is a tenant."""
SERVICES: Final = 500
ENTITIES: Final = 20_000
_DAY_MS: Final = 86_400_000
_MANIFEST: Final = "volume.json"
_THREADS: Final = 2
_QUIET_LOOKS: Final = 15
"""So many seconds without a merge: the engine looks for the next one every 5 s and more rarely when it found none."""
_READ: Final = ("events_by_time", "events_by_service")

_SETTINGS: Final[dict[str, int]] = {
    "max_insert_threads": 2,
    "max_block_size": 65_536,
    "min_insert_block_size_rows": 524_288,
    "min_insert_block_size_bytes": 1 << 30,
    "max_partitions_per_insert_block": 0,
    "materialized_views_ignore_errors": 0,
}

_NUMBERS: Final = """
SELECT n, h, r,
  {first:Int64} + intDiv(n * {span:Int64}, {rows:Int64}) AS ms,
  lower(leftPad(hex(ms), 12, '0')) AS t,
  h % 100 AS d,
  intDiv(h, 100) % 500 AS s,
  intDiv(h, 50000) % 100 AS x,
  intDiv(h, 5000000) % 1000 AS y,
  concat('service-', toString(s)) AS service_,
  concat('team-', toString(s % 40)) AS team_,
  ['production', 'production', 'staging', 'development'][1 + y % 4] AS environment_,
  concat(toString(y % 9), '.', toString(x), '.', toString(intDiv(n, 1000) % 100)) AS release_,
  concat(r, substring(r, 5, 8)) AS commit_,
  concat('SERVICE-', upper(leftPad(hex(s * 40 + y % 40), 16, '0'))) AS entity_,
  n % 200 = 0 AS troubled,
  multiIf(troubled, 'incident', y < 550, 'deployment', y < 700, 'build', y < 800, 'test', y < 900, 'config_change', 'operation') AS kind_,
  multiIf(troubled, 'open', x < 80, 'success', x < 90, 'failure', 'start') AS status_
FROM (
  SELECT toInt64(number) AS n, sipHash64(number) AS h, lower(hex(sipHash128(number))) AS r
  FROM numbers({start:UInt64}, {count:UInt64})
)
"""

_EVENTS: Final = f"""
INSERT INTO events (tenant, id, version, is_deleted, dialect, kind, status, ts, start, `end`, ingest_ts, updated_ts, service, environment,
  priority, severity, title, text, source, owner, actor, commit, repo, branch, team, project, application, release, tags, entities, links,
  related_id, allowed_groups, problem_id, deadline, raw)
WITH
  fromUnixTimestamp64Milli(ms, 'UTC') AS at,
  multiIf(d < 30, 'native', d < 50, 'tracker', d < 65, 'desk', d < 80, 'cto_ai', d < 90, 'escapekit', 'apitraffic') AS api,
  (api IN ('native', 'cto_ai', 'apitraffic')) AS committed,
  concat('Deploy ', service_, ' v', release_, ' to ', environment_) AS title_,
  concat('Rollout by pipeline ', toString(h % 100000), if(y = 7, ' with database migration', ''), if(n % 40009 = 0, ' hotfix', ''), ' of ',
    team_) AS text_,
  concat('{{"service":"', service_, '","environment":"', environment_, '","owner":"', team_, '"') AS who
SELECT
  if(x < 60, '{TENANT}', concat('{TENANT}', toString(x % 9))) AS tenant,
  if(n % 50 = 1,
    concat(substring(r, 1, 8), '-', substring(r, 9, 4), '-5', substring(r, 13, 3), '-a', substring(r, 16, 3), '-', substring(r, 19, 12)),
    concat(substring(t, 1, 8), '-', substring(t, 9, 4), '-7', substring(r, 13, 3), '-a', substring(r, 16, 3), '-', substring(r, 19, 12))
  ) AS id,
  1, 0, api, if(api = 'cto_ai' AND kind_ = 'operation', 'custom', kind_), if(api IN ('desk', 'escapekit') AND NOT troubled, '', status_),
  at,
  if(api IN ('tracker', 'apitraffic', 'desk') OR x < 10, at, NULL),
  if(api = 'desk' OR y % 3 = 0, fromUnixTimestamp64Milli(ms + 1000 * (60 + y), 'UTC'), NULL),
  at, at,
  if(api = 'apitraffic', '', service_), environment_,
  if(api IN ('tracker', 'native'), ['P1', 'P2', 'P3', 'P4', 'P5'][1 + y % 5], ''),
  if(api = 'tracker', toString(y % 4), if(api = 'desk' AND troubled, 'error', '')),
  title_, text_,
  multiIf(api = 'cto_ai', 'cto_ai', api = 'escapekit', 'escapekit', api = 'desk', 'Jenkins', 'github_actions'),
  if(api IN ('tracker', 'native'), team_, ''),
  if(api IN ('escapekit', 'apitraffic'), concat('user-', toString(y)), ''),
  if(committed, commit_, ''), if(api IN ('cto_ai', 'native'), service_, ''), if(committed, 'main', ''),
  if(api = 'cto_ai', team_, ''), if(api = 'escapekit', concat('project-', toString(s % 50)), ''), '', release_,
  multiIf(
    api = 'native', map('region', concat('eu-', toString(y % 3)), 'tier', toString(s % 4), 'cluster', concat('k8s-', toString(s % 25))),
    api = 'desk', map('service', service_, 'region', concat('eu-', toString(y % 3))),
    api = 'apitraffic', map('commitSha', commit_, 'branch', 'main', 'imageTag', release_),
    api = 'cto_ai', map('image', concat(service_, ':', release_)),
    api = 'tracker' AND x = 5, map('slackId', concat('17', toString(h % 100000000), '.', toString(y))),
    map()),
  multiIf(api = 'desk' OR api = 'native' AND x < 30, [entity_], api = 'apitraffic', [if(x < 20, '*', concat('bkt_', toString(s)))], []),
  if(api = 'tracker', map('pullRequestLink', concat('https://github.com/org/', service_, '/pull/', toString(h % 9999))), map()),
  if(api = 'tracker' AND y % 10 = 0, concat('T-', toString(intDiv(n, 3))), ''),
  if(api = 'escapekit' AND x < 30, ['sre', 'platform'], []),
  '', if(api = 'desk' AND troubled, fromUnixTimestamp64Milli(ms + 3600000, 'UTC'), NULL),
  multiIf(
    api = 'native', concat('{{"kind":"', kind_, '","title":"', title_, '","text":"', text_, '","status":"', status_,
      '","service":"', service_,
      '","environment":"', environment_, '","owner":"', team_, '","commit":"', commit_, '","source":"github_actions"}}'),
    api = 'tracker', concat('{{"title":"', title_, '","attributes":{{"message":"', text_, '","type":', toString(1 + y % 3), ',"priority":',
      toString(1 + y % 5), ',"service":"', service_, '","status":3,"environment":7,"owner":"', team_,
      '","source":"github_actions"}},"links":{{"pullRequestLink":"https://github.com/org/', service_, '/pull/', toString(h % 9999),
      '"}}}}'),
    api = 'desk', concat('{{"eventType":"', if(troubled, 'ERROR_EVENT', 'CUSTOM_DEPLOYMENT'), '","source":"Jenkins","deploymentName":"',
      service_, '","deploymentVersion":"', release_, '","deploymentProject":"', team_, '","title":"', title_, '","description":"', text_,
      '","tags":[{{"context":"CONTEXTLESS","key":"service","value":"', service_, '"}}]}}'),
    api = 'cto_ai', concat('{{"event_name":"', kind_, '","event_action":"', status_, '","commit":"', commit_, '","repo":"', service_,
      '","branch":"main","team_id":"', team_, '","environment":"', environment_, '","image":"', service_, ':', release_, '"}}'),
    api = 'escapekit', concat('{{"type":"UPDATE_STATE_DEPLOYMENT","timestamp":', toString(ms), '000123,"state_project":"project-',
      toString(s % 50), '","state_environment":"', environment_, '","state_deployment":"', service_, '","username":"user-', toString(y),
      '"', if(x < 30, ',"allowed_groups":["sre","platform"]', ''), ',"data":', who, ',"note":"', text_, '"}}}}'),
    concat('{{"type":"', kind_, '","name":"v', release_, ' release","description":"', text_, '","source":"github_actions","metadata":{{',
      '"commitSha":"', commit_, '","branch":"main","imageTag":"', release_, '"}},"environmentSids":["env_', toString(s % 30),
      '"],"bucketSids":["', if(x < 20, '*', concat('bkt_', toString(s))), '"]}}'))
FROM ({_NUMBERS})
"""

_PROBLEMS: Final = """
INSERT INTO problem_transitions
SELECT tenant, id, version, 0, dialect, 'incident', lower(hex(sipHash128(id))), id, '',
  if(version = 1, 'open', 'closed'), if(version = 1, 'opened', 'closed'), if(version = 1, ts, ended), id, ts, if(version = 1, NULL, ended),
  ts, NULL, 0, ts, service, environment, priority, severity, title, text, source, owner, team, tags, entities, links
FROM (
  SELECT *, substringIndex(record, '\\n', 1) AS fields, JSONExtractString(fields, 14) AS title, JSONExtractString(fields, 15) AS text,
    CAST(map(), 'Map(String, String)') AS links, ts + toIntervalSecond(300 + sipHash64(id) % 10000) AS ended,
    ts > fromUnixTimestamp64Milli({last:Int64}, 'UTC') - toIntervalHour(36) AND sipHash64(id) % 10 = 0 AS lasting,
    arrayJoin(if(lasting, [1], [1, 2])) AS version
  FROM events_by_time WHERE kind = 'incident'
)
"""


class Volume(NamedTuple):
    """A folder: how many events it is for and holds, between which times (ms UTC, the end exclusive) `wanted` lie, seconds of filling."""

    folder: Path
    wanted: int
    rows: int
    first_ms: int
    last_ms: int
    fill_seconds: float


def filled(folder: Path, rows: int, tell: Callable[[str], None] = print) -> Volume:
    """Return the volume in a folder (`<folder>/clickhouse` is the engine's), filled now as far as it is not yet."""
    manifest = folder / _MANIFEST
    volume = kept(folder) or _begun(folder, rows)
    if volume.wanted != rows:
        raise SystemExit(f"{folder} is for {volume.wanted:,} events, not {rows:,}")
    if volume.rows == rows:
        return volume
    folder.mkdir(parents=True, exist_ok=True)
    manifest.write_text(json.dumps(volume._asdict(), default=str))
    client = _opened(folder)
    try:
        apply_migrations(client, TableLayout(retention_days=RETENTION_DAYS))
        client.command("USE causeline")
        volume = _fill(client, volume, tell)
    finally:
        client.close()
    manifest.write_text(json.dumps(volume._asdict(), default=str))
    return volume


def kept(folder: Path) -> Volume | None:
    """Return what a folder says of itself, None where nothing was begun."""
    manifest = folder / _MANIFEST
    if not manifest.exists():
        return None
    return Volume(**{**json.loads(manifest.read_text()), "folder": folder})


def _begun(folder: Path, rows: int) -> Volume:
    last = (int(time.time() * 1000) // _DAY_MS + 1) * _DAY_MS
    return Volume(folder, rows, 0, last - DAYS * _DAY_MS, last, 0)


def _opened(folder: Path, database: str | None = None) -> Client:
    """Return a handle without the bounds that the server gives its engine: a block of half a million rows takes half a GiB."""
    return clickhouse_connect.get_client(interface="chdb", path=str(folder / "clickhouse"), database=database)


class _Month(NamedTuple):
    """A partition and the rows that fall in it."""

    partition: str
    start: int
    stop: int


def _months(volume: Volume) -> Iterator[_Month]:
    """Yield the months of a volume, newest first."""
    high, stop = volume.last_ms, volume.wanted
    while stop > 0:
        newest = datetime.fromtimestamp((high - 1) / 1000, UTC)
        low = int(newest.replace(day=1, hour=0, minute=0, second=0, microsecond=0).timestamp()) * 1000
        start = max(-(-(low - volume.first_ms) * volume.wanted // (volume.last_ms - volume.first_ms)), 0)
        if start < stop:
            yield _Month(f"{newest:%Y%m}", start, stop)
        high, stop = low, start


def _fill(client: Client, volume: Volume, tell: Callable[[str], None]) -> Volume:
    """Write what is missing, a month after the other until all are there or SIGTERM comes. The engine's own merges would repeat ours."""
    began = time.monotonic()
    stopped = Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    for table in _READ:
        client.command(f"ALTER TABLE {table} MODIFY SETTING max_bytes_to_merge_at_max_space_in_pool = 1")
    written = 0
    with ThreadPoolExecutor(_THREADS) as working:
        merges: list[Future[None]] = []
        for number, month in enumerate(_months(volume)):
            if stopped.is_set():
                break
            _write(client, volume, month, working)
            if number:
                merges.append(working.submit(_merge, volume, month))
            written += month.stop - month.start
            tell(f"  {written:,} events in {time.monotonic() - began:.0f} s")
        for merged in merges:
            merged.result()
    for table in _READ:
        client.command(f"ALTER TABLE {table} RESET SETTING max_bytes_to_merge_at_max_space_in_pool")
    client.command(_PROBLEMS, parameters={"last": volume.last_ms}, settings=_SETTINGS)
    for table in ("problem_transitions", "problems_closed", "problems_open", "event_keys"):
        client.command(f"OPTIMIZE TABLE {table} FINAL{' CLEANUP' if table == 'problems_open' else ''}")
    _settle(client)
    return volume._replace(rows=written, fill_seconds=volume.fill_seconds + time.monotonic() - began)


def _settle(client: Client) -> None:
    """Wait until the engine has merged of the newest month what it would in operation: a server on this folder would begin with it."""
    quiet = 0

    def merges() -> int:
        nonlocal quiet
        running = int(client.query("SELECT count() FROM system.merges").result_rows[0][0])
        quiet = 0 if running else quiet + 1
        return running

    patience.asked(merges, lambda _: quiet == _QUIET_LOOKS, seconds=7_200, every=1)


def _write(client: Client, volume: Volume, month: _Month, working: ThreadPoolExecutor) -> None:
    """Write a month, unless it is there, in equal pieces at a time."""
    counting = "SELECT count() FROM events_by_time WHERE toYYYYMM(ts) = {month:UInt32}"
    asked = client.query(counting, parameters={"month": int(month.partition)})
    there = asked.result_rows[0][0]
    if there == month.stop - month.start:
        return
    if there:
        for table in _READ:
            client.command(f"ALTER TABLE {table} DROP PARTITION ID '{month.partition}'")
    bounds = [month.start + (month.stop - month.start) * piece // _THREADS for piece in range(_THREADS + 1)]
    for written in [working.submit(_insert, volume, low, high - low) for low, high in pairwise(bounds)]:
        written.result()


def _insert(volume: Volume, start: int, count: int) -> None:
    span = {"first": volume.first_ms, "span": volume.last_ms - volume.first_ms, "rows": volume.wanted}
    with closing(_opened(volume.folder, "causeline")) as client:
        client.command(_EVENTS, parameters={**span, "start": start, "count": count}, settings=_SETTINGS)


def _merge(volume: Volume, month: _Month) -> None:
    with closing(_opened(volume.folder, "causeline")) as client:
        for table in _READ:
            optimize = f"OPTIMIZE TABLE {table} PARTITION ID '{month.partition}' FINAL"
            client.command(optimize, settings={"optimize_skip_merged_partitions": 1})


if __name__ == "__main__":
    filled(Path(sys.argv[1]), int(sys.argv[2]))
