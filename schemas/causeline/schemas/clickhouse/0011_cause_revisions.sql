-- Every published ranking of every problem, as the log has it. A row that comes again is the same row; the topic keeps the newest revision of
-- a problem alone, so the older ones are here only.
-- Inside the arrays times are ms UTC: a time would be told as a text there, and nothing is searched by it.
-- Short texts inside are no dictionaries: the Avro reader makes a dictionary value by value.
-- The retention is stated here too: an older store has the days of its setting already, and `retention.sql` would not be applied again.

CREATE TABLE IF NOT EXISTS ${database}.cause_revisions ${on_cluster} (
    tenant           LowCardinality(String),
    id               String CODEC(ZSTD(1)),
    revision         UInt64 CODEC(ZSTD(1)),
    is_deleted       UInt8 CODEC(ZSTD(1)),
    occasion         LowCardinality(String),
    is_news          UInt8 CODEC(ZSTD(1)),
    verdict          LowCardinality(String),
    previous_verdict LowCardinality(String),
    none_probability Float64 CODEC(ZSTD(1)),
    none_score       Float64 CODEC(ZSTD(1)),
    candidates       UInt64 CODEC(ZSTD(1)),
    truncated        UInt8 CODEC(ZSTD(1)),
    provisional      UInt8 CODEC(ZSTD(1)),
    model            LowCardinality(String),
    computed_at      DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    as_of            DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    causes           Array(Tuple(
        event_id String, probability Float64, score Float64, relation String, offset_seconds Float64, feedback String,
        kind String, title String, service String, ts Int64,
        reasons Array(Tuple(feature String, contribution Float64, text String)))) CODEC(ZSTD(1)),
    blind_spots      Array(Tuple(service String, kind String)) CODEC(ZSTD(1)),
    problem_version  UInt64 CODEC(ZSTD(1)),
    correlation_id   String CODEC(ZSTD(1)),
    dialect          LowCardinality(String),
    kind             LowCardinality(String),
    state            LowCardinality(String),
    start            DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `end`            Nullable(DateTime64(3, 'UTC')) CODEC(Delta(8), ZSTD(1)),
    service          LowCardinality(String),
    environment      LowCardinality(String),
    priority         String CODEC(ZSTD(1)),
    title            String CODEC(ZSTD(1)),
    text             String CODEC(ZSTD(1)),
    tags             Map(String, String) CODEC(ZSTD(1)),
    entities         Array(String) CODEC(ZSTD(1))
) ENGINE = ${replicated}ReplacingMergeTree()
PARTITION BY toYYYYMM(computed_at)
ORDER BY (tenant, id, revision)
TTL toDateTime(computed_at) + toIntervalDay(${retention_days})
SETTINGS
    index_granularity = 256,
    ttl_only_drop_parts = 1,
    min_bytes_for_wide_part = 67108864,
    non_replicated_deduplication_window = 0,
    fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_age_to_force_merge_seconds = 86400, min_age_to_force_merge_on_partition_only = 1;
