"""Fills the real tables with a quarter of one tenant's events, made in the engine: a hundredth are deployments, another one commits.

1,000 services, a hundred deployments of each (seven of ten to production), a problem of each tenth deployment with its ranking, and for the
rest builds, tests and changes of configuration. Rows are a function of their number. What must change together: the columns here and
`schemas/clickhouse/*.sql`.
"""

from typing import Final, NamedTuple

from clickhouse_connect.driver.client import Client

SERVICES: Final = 1_000
TENANT: Final = "acc_fleet"
DAY_MS: Final = 86_400_000
QUARTER_MS: Final = 91 * DAY_MS
_PIECE: Final = 500_000
_SETTINGS: Final[dict[str, int]] = {
    "max_insert_threads": 1,
    "max_block_size": 65_536,
    "min_insert_block_size_rows": 262_144,
    "min_insert_block_size_bytes": 512 << 20,
    "max_partitions_per_insert_block": 0,
    "materialized_views_ignore_errors": 0,
}


class Quarter(NamedTuple):
    """How many events lie in [first_ms, last_ms), ms UTC."""

    rows: int
    first_ms: int
    last_ms: int


_ID: Final = (
    "concat(substring({t}, 1, 8), '-', substring({t}, 9, 4), '-7', substring({r}, 13, 3), '-a', substring({r}, 16, 3), '-', "
    "substring({r}, 19, 12))"
)
_TIME: Final = "{{first:Int64}} + intDiv({n} * {{span:Int64}}, {{rows:Int64}})"
_HEX: Final = "lower(leftPad(hex({ms}), 12, '0'))"
_RANDOM: Final = "lower(hex(sipHash128({n})))"


def _id_of(number: str) -> str:
    """Return the expression of the id of the event of a number."""
    return _ID.format(t=_HEX.format(ms=_TIME.format(n=number)), r=_RANDOM.format(n=number))


_NUMBERS: Final = f"""
SELECT n, h, ms, m,
  {_id_of("n")} AS id_,
  multiIf(m < 10, 'deployment', m < 20, 'commit', m = 20, 'incident', h % 4 = 0, 'build', h % 4 = 1, 'test', h % 4 = 2, 'config_change',
    'operation') AS kind_,
  if(m < 20, intDiv(n, 1000) * 10 + m % 10, 0) AS change_,
  if(m < 20, change_ % {SERVICES}, h % {SERVICES}) AS s,
  concat('service-', toString(s)) AS service_,
  lower(hex(sipHash128(change_ + 7))) AS sha_,
  concat(sha_, substring(sha_, 5, 8)) AS commit_
FROM (
  SELECT toInt64(number) AS n, sipHash64(number) AS h, {_TIME.format(n="n")} AS ms, n % 1000 AS m
  FROM numbers({{start:UInt64}}, {{count:UInt64}})
)
"""

_EVENTS: Final = f"""
INSERT INTO events (tenant, id, version, is_deleted, dialect, kind, status, ts, start, `end`, ingest_ts, updated_ts, service, environment,
  title, text, source, owner, commit, repo, branch, team, release, tags, entities, links, allowed_groups, raw, commits, commit_times)
WITH
  fromUnixTimestamp64Milli(ms, 'UTC') AS at,
  if(kind_ = 'deployment' AND intDiv(change_, {SERVICES}) % 10 >= 7, 'staging', 'production') AS environment_,
  concat('1.', toString(intDiv(change_, {SERVICES})), '.', toString(h % 7)) AS release_,
  concat('Deploy ', service_, ' v', release_, ' to ', environment_) AS title_,
  multiIf(kind_ = 'commit', 'succeeded', kind_ = 'incident', 'open', h % 20 = 0, 'failure', 'success') AS status_
SELECT '{TENANT}', id_, 1, 0, if(h % 3 = 0, 'cto_ai', 'native'), kind_, status_, at, NULL,
  if(kind_ = 'deployment', fromUnixTimestamp64Milli(ms + 1000 * (60 + h % 900), 'UTC'), NULL), at, at, service_, environment_,
  title_, concat('Rollout by pipeline ', toString(h % 100000)), 'github_actions', concat('team-', toString(s % 100)),
  if(kind_ IN ('deployment', 'commit', 'build', 'test'), commit_, ''), service_, 'main', concat('team-', toString(s % 100)),
  if(kind_ = 'deployment', release_, ''),
  map('region', concat('eu-', toString(h % 3)), 'tier', toString(s % 4), 'cluster', concat('k8s-', toString(s % 25))), [], map(),
  if(h % 50 = 0, ['sre'], []),
  concat('{{"kind":"', kind_, '","title":"', title_, '","status":"', status_, '","service":"', service_, '","environment":"', environment_,
    '","commit":"', commit_, '"}}'),
  if(kind_ = 'deployment', [commit_, reverse(commit_)], []),
  if(kind_ = 'deployment', [0, ms - 3600000 - toInt64(h % 86400000)], [])
FROM ({_NUMBERS})
"""

_PROBLEMS: Final = """
INSERT INTO problem_transitions (tenant, id, version, is_deleted, dialect, kind, correlation_id, event_id, state, transition, at, cause,
  start, `end`, last_receipt, refresh_count, ingest_ts, service, environment, title)
SELECT tenant, id, version, 0, dialect, 'incident', id, id, if(version = 1, 'open', 'closed'),
  multiIf(version = 1, 'opened', sipHash64(id) % 10 = 0, 'timed_out', 'closed'), if(version = 1, ts, ended), id, ts,
  if(version = 1, NULL, ended), ts, 0, ts, service, environment, 'High error rate'
FROM (
  SELECT * EXCEPT (version), ts + toIntervalSecond(300 + sipHash64(id) % 10000) AS ended, arrayJoin([1, 2]) AS version FROM dora_events
  WHERE kind = 'incident'
)
"""

_REVISIONS: Final = f"""
INSERT INTO cause_revisions (tenant, id, revision, is_deleted, occasion, is_news, verdict, candidates, model, computed_at, as_of, causes,
  problem_version, correlation_id, dialect, kind, state, start, service, environment)
WITH n - 20 - 1000 * (h % 3) + h % 7 AS cause_, {_id_of("cause_")} AS cause_id
SELECT '{TENANT}', id_, arrayJoin([1, 2, 3]) AS revision_, 0, 'scheduled', 1, ['likely', 'possible', 'none'][1 + h % 3], 31, '1',
  fromUnixTimestamp64Milli(ms + 60000 * revision_, 'UTC'), fromUnixTimestamp64Milli(ms, 'UTC'),
  arrayMap(k -> (if(k = 1, cause_id, id_), 0.7 / k, 1.5, 'same_service', -240., '', 'deployment', 'Deploy', service_, ms,
    arrayMap(x -> ('time', 1.9, 'finished 4 min before the problem began'), range(7))), range(1, 21)),
  1, id_, 'native', 'incident', 'open', fromUnixTimestamp64Milli(ms, 'UTC'), service_, 'production'
FROM ({_NUMBERS}) WHERE kind_ = 'incident'
"""


_OTHERS: Final = ("events_by_time_from_events", "event_keys_from_events")
"""Views that fill what no question of DORA reads: without them ten million events take two minutes instead of twenty."""


def fill_quarter(client: Client, quarter: Quarter) -> None:
    """Write the quarter's events into what DORA metrics read, its problems and its rankings. The database is of no other use then."""
    for view in _OTHERS:
        client.command(f"DROP TABLE IF EXISTS {view}")
    parameters = {"first": quarter.first_ms, "span": quarter.last_ms - quarter.first_ms, "rows": quarter.rows}
    for start in range(0, quarter.rows, _PIECE):
        piece = parameters | {"start": start, "count": min(_PIECE, quarter.rows - start)}
        client.command(_EVENTS, parameters=piece, settings=_SETTINGS)
    client.command(_PROBLEMS, settings=_SETTINGS)
    client.command(_REVISIONS, parameters=parameters | {"start": 0, "count": quarter.rows}, settings=_SETTINGS)
