-- Every attempt to deliver, as the log has it: a delivery and its attempts are one range of the key. A row that comes again is the same row.
-- `record` is the framed event or problem of a dead delivery, empty elsewhere: only who sends it again reads it.
-- Attempts go 90 days after they ended, by whole parts (a week): the retention of events is another matter.

CREATE TABLE IF NOT EXISTS ${database}.deliveries ${on_cluster} (
    tenant          LowCardinality(String),
    subscription_id String CODEC(ZSTD(1)),
    id              String CODEC(ZSTD(1)),
    attempt         UInt64 CODEC(ZSTD(1)),
    what            LowCardinality(String),
    entity          String CODEC(ZSTD(1)),
    version         UInt64 CODEC(ZSTD(1)),
    outcome         LowCardinality(String),
    status_code     UInt64 CODEC(ZSTD(1)),
    detail          String CODEC(ZSTD(1)),
    took_ms         UInt64 CODEC(ZSTD(1)),
    received        DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    at              DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    next_attempt    Nullable(DateTime64(3, 'UTC')) CODEC(Delta(8), ZSTD(1)),
    record          String CODEC(ZSTD(1))
) ENGINE = ${replicated}ReplacingMergeTree()
PARTITION BY toMonday(at)
ORDER BY (tenant, id, at, attempt)
TTL toDateTime(at) + toIntervalDay(90)
SETTINGS
    index_granularity = 1024,
    ttl_only_drop_parts = 1,
    min_bytes_for_wide_part = 67108864,
    non_replicated_deduplication_window = 0,
    fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_age_to_force_merge_seconds = 86400, min_age_to_force_merge_on_partition_only = 1;

-- The newest attempt of each delivery, in the order that lists have: by when Causeline took in what is told. That never changes for a
-- delivery, whereas `at` does with every attempt: a page would repeat or miss what was tried again meanwhile.
-- `by_outcome` finds what died among what was delivered, which is nearly everything; the others find one of many.

CREATE TABLE IF NOT EXISTS ${database}.deliveries_newest ${on_cluster} (
    tenant          LowCardinality(String),
    subscription_id String CODEC(ZSTD(1)),
    id              String CODEC(ZSTD(1)),
    attempt         UInt64 CODEC(ZSTD(1)),
    what            LowCardinality(String),
    entity          String CODEC(ZSTD(1)),
    version         UInt64 CODEC(ZSTD(1)),
    outcome         LowCardinality(String),
    status_code     UInt64 CODEC(ZSTD(1)),
    detail          String CODEC(ZSTD(1)),
    took_ms         UInt64 CODEC(ZSTD(1)),
    received        DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    at              DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    next_attempt    Nullable(DateTime64(3, 'UTC')) CODEC(Delta(8), ZSTD(1)),

    INDEX by_subscription subscription_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_entity entity TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_outcome outcome TYPE set(4) GRANULARITY 1
) ENGINE = ${replicated}ReplacingMergeTree(at)
PARTITION BY toMonday(received)
ORDER BY (tenant, received, id)
TTL toDateTime(at) + toIntervalDay(90)
SETTINGS
    ttl_only_drop_parts = 1,
    min_bytes_for_wide_part = 67108864,
    non_replicated_deduplication_window = 0,
    fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_age_to_force_merge_seconds = 86400, min_age_to_force_merge_on_partition_only = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.deliveries_newest_from_deliveries ${on_cluster} TO ${database}.deliveries_newest AS
SELECT * EXCEPT (record)
FROM ${database}.deliveries;
