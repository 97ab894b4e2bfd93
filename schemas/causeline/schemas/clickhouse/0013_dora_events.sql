-- What the DORA metrics are made of, and nothing else: a quarter of a tenant is read whole, so the rows are few and narrow. Of ten million
-- events some hundred thousand are deployments, commits and incidents; `events_by_time` has their fields packed between all the others.
-- Kinds: what may be a deployment (`deployment`, `release`, `change`), what says when a commit was (`commit`, `change`), what opens and closes
-- problems (`incident`, `recovery`, `change`). Of each only what the metrics look at (`query_api/sql/dora.py`); the rest is empty.
-- The key is that of `events_by_time`, so that versions meet: every version behind the first is taken, whatever its kind. One that is of no
-- such kind (any more), or is deleted, hides what was here before it, and says nothing. Tombstones of moves in time are on the log.
-- EscapeKit's events say who asked for a deployment, not that there was one: they are not here.
-- Granules are large, since a quarter is read whole: 152 ms of CPU for 20,000 deployments at 1,024 rows a granule, 95 at 8,192.
-- `by_end` finds what ends in a window and lies at another time: a deployment that was reported late. Its expression must be the query's.
-- The retention is stated here too: an older store has the days of its setting already, and `retention.sql` would not be applied again.

CREATE TABLE IF NOT EXISTS ${database}.dora_events ${on_cluster} (
    tenant         LowCardinality(String),
    ts             DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    id             String CODEC(ZSTD(1)),
    version        UInt64 CODEC(ZSTD(1)),
    is_deleted     UInt8 CODEC(ZSTD(1)),
    updated_ts     DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    dialect        LowCardinality(String),
    kind           LowCardinality(String),
    status         LowCardinality(String),
    start          Nullable(DateTime64(3, 'UTC')) CODEC(Delta(8), ZSTD(1)),
    `end`          Nullable(DateTime64(3, 'UTC')) CODEC(Delta(8), ZSTD(1)),
    service        LowCardinality(String),
    environment    LowCardinality(String),
    team           LowCardinality(String),
    repo           LowCardinality(String),
    project        LowCardinality(String),
    branch         String CODEC(ZSTD(1)),
    release        String CODEC(ZSTD(1)),
    title          String CODEC(ZSTD(1)),
    related_id     String CODEC(ZSTD(1)),
    tags           Map(String, String) CODEC(ZSTD(1)),
    commit         String CODEC(ZSTD(1)),
    commits        Array(String) CODEC(ZSTD(1)),
    commit_times   Array(Int64) CODEC(ZSTD(1)),
    allowed_groups Array(String) CODEC(ZSTD(1)),

    INDEX by_end ifNull(`end`, ts) TYPE minmax GRANULARITY 1
) ENGINE = ${replicated}ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(ts)
ORDER BY (tenant, ts, id)
TTL toDateTime(updated_ts) + toIntervalDay(${retention_days})
SETTINGS
    index_granularity = 8192,
    ttl_only_drop_parts = 1,
    min_bytes_for_wide_part = 67108864,
    non_replicated_deduplication_window = 0,
    fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_age_to_force_merge_seconds = 86400, min_age_to_force_merge_on_partition_only = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.dora_events_from_events ${on_cluster} TO ${database}.dora_events AS
WITH
    e.kind IN ('deployment', 'release', 'change', 'commit', 'incident', 'recovery') AND e.dialect != 'escapekit' AND NOT e.is_deleted AS is_fact,
    is_fact AND e.kind IN ('deployment', 'release', 'change') AS is_change,
    is_fact AND e.kind != 'commit' AS is_placed
SELECT
    e.tenant AS tenant, e.ts AS ts, e.id AS id, e.version AS version, toUInt8(NOT is_fact) AS is_deleted, e.updated_ts AS updated_ts,
    if(is_fact, e.dialect, '') AS dialect,
    if(is_fact, e.kind, '') AS kind,
    if(is_fact, e.status, '') AS status,
    if(is_change, e.start, NULL) AS start,
    if(is_change, e.`end`, NULL) AS `end`,
    if(is_placed, e.service, '') AS service,
    if(is_placed, e.environment, '') AS environment,
    if(is_placed, e.team, '') AS team,
    if(is_placed, e.repo, '') AS repo,
    if(is_placed, e.project, '') AS project,
    if(is_change, e.branch, '') AS branch,
    if(is_change, e.release, '') AS release,
    if(is_change, e.title, '') AS title,
    if(is_change, e.related_id, '') AS related_id,
    if(is_change, e.tags, map()) AS tags,
    if(is_fact, e.commit, '') AS commit,
    if(is_change, e.commits, []) AS commits,
    if(is_change, e.commit_times, []) AS commit_times,
    if(is_fact, e.allowed_groups, []) AS allowed_groups
FROM ${database}.events AS e
WHERE e.version > 1 OR is_fact;
