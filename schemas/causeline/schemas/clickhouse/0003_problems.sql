-- Every published version of every problem; the newest version of one problem is the last row of its range.

CREATE TABLE IF NOT EXISTS ${database}.problem_transitions ${on_cluster} (
    tenant         LowCardinality(String),
    id             String CODEC(ZSTD(1)),
    version        UInt64,
    is_deleted     UInt8,
    dialect        LowCardinality(String),
    kind           LowCardinality(String),
    correlation_id String CODEC(ZSTD(1)),
    event_id       String CODEC(ZSTD(1)),
    previous_id    String CODEC(ZSTD(1)),
    state          LowCardinality(String),
    transition     LowCardinality(String),
    at             DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    cause          String CODEC(ZSTD(1)),
    start          DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `end`          Nullable(DateTime64(3, 'UTC')) CODEC(Delta(8), ZSTD(1)),
    last_receipt   DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    deadline       Nullable(DateTime64(3, 'UTC')) CODEC(Delta(8), ZSTD(1)),
    refresh_count  UInt64,
    ingest_ts      DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    service        LowCardinality(String),
    environment    LowCardinality(String),
    priority       String CODEC(ZSTD(1)),
    severity       String CODEC(ZSTD(1)),
    title          String CODEC(ZSTD(1)),
    text           String CODEC(ZSTD(1)),
    source         String CODEC(ZSTD(1)),
    owner          String CODEC(ZSTD(1)),
    team           String CODEC(ZSTD(1)),
    tags           Map(String, String) CODEC(ZSTD(1)),
    entities       Array(String) CODEC(ZSTD(1)),
    links          Map(String, String) CODEC(ZSTD(1)),

    INDEX by_previous_id previous_id TYPE bloom_filter(0.001) GRANULARITY 1
) ENGINE = ${replicated}ReplacingMergeTree(version)
ORDER BY (tenant, id, version)
SETTINGS
    index_granularity = 1024,
    non_replicated_deduplication_window = 0,
    fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1;

-- Open problems lie apart, because an unknown end would spoil every index on `end`. Both tables hold the newest version of a problem, as
-- `problem_transitions` had it; `start` never changes. Here `is_deleted` also says closed: the closing version is the tombstone of the
-- open ones. A merge of a whole cold partition drops tombstones together with everything they hide.

CREATE TABLE IF NOT EXISTS ${database}.problems_open ${on_cluster} AS ${database}.problem_transitions
ENGINE = ${replicated}ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(start)
ORDER BY (tenant, id)
SETTINGS
    index_granularity = 1024,
    non_replicated_deduplication_window = 0,
    fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_age_to_force_merge_seconds = 86400, min_age_to_force_merge_on_partition_only = 1,
    allow_experimental_replacing_merge_with_cleanup = 1, enable_replacing_merge_with_cleanup_for_min_age_to_force_merge = 1;

ALTER TABLE ${database}.problems_open ${on_cluster}
    ADD INDEX IF NOT EXISTS by_correlation_id correlation_id TYPE bloom_filter(0.001) GRANULARITY 1;

CREATE TABLE IF NOT EXISTS ${database}.problems_closed ${on_cluster} AS ${database}.problem_transitions
ENGINE = ${replicated}ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(start)
ORDER BY (tenant, start, id)
SETTINGS
    index_granularity = 1024,
    non_replicated_deduplication_window = 0,
    fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_age_to_force_merge_seconds = 86400, min_age_to_force_merge_on_partition_only = 1;

ALTER TABLE ${database}.problems_closed ${on_cluster}
    ADD INDEX IF NOT EXISTS by_end `end` TYPE minmax GRANULARITY 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.problems_open_from_transitions ${on_cluster} TO ${database}.problems_open AS
SELECT * REPLACE (toUInt8(is_deleted OR state = 'closed') AS is_deleted)
FROM ${database}.problem_transitions;

CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.problems_closed_from_transitions ${on_cluster} TO ${database}.problems_closed AS
SELECT *
FROM ${database}.problem_transitions
WHERE is_deleted OR state = 'closed';
