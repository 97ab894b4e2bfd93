-- The newest version of a row wins (`version` comes from the processors), a row with `is_deleted` hides its key; read with FINAL.
-- ORDER BY time second, because every list asks for one tenant and a window of time; the partition is part of the key, so FINAL prunes it.
-- `id` is UUID text: it sorts like the number, and half of it can be indexed.
-- The span indexes serve "touches this window": a change may begin long before it. Their expressions must be the query's, word for word.
-- No block deduplication (window 0): it can lose an insert when the process dies between its log and the rename of the part.
-- LowCardinality only where queries filter most: the Avro reader pays about 0.2 us a value for it (10.4 us a row with 22 such columns
-- and maps and arrays of them, 5.6 us as it is here); ZSTD makes the rest as small.
-- Cold partitions become one part (min_age_...), so that FINAL is free there.

CREATE TABLE IF NOT EXISTS ${database}.events ${on_cluster} (
    tenant         LowCardinality(String),
    id             String CODEC(ZSTD(1)),
    version        UInt64,
    is_deleted     UInt8,
    dialect        LowCardinality(String),
    kind           LowCardinality(String),
    status         LowCardinality(String),
    ts             DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    start          Nullable(DateTime64(3, 'UTC')) CODEC(Delta(8), ZSTD(1)),
    `end`          Nullable(DateTime64(3, 'UTC')) CODEC(Delta(8), ZSTD(1)),
    ingest_ts      DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    updated_ts     DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    service        LowCardinality(String),
    environment    LowCardinality(String),
    priority       String CODEC(ZSTD(1)),
    severity       String CODEC(ZSTD(1)),
    title          String CODEC(ZSTD(1)),
    text           String CODEC(ZSTD(1)),
    source         String CODEC(ZSTD(1)),
    owner          String CODEC(ZSTD(1)),
    actor          String CODEC(ZSTD(1)),
    commit         String CODEC(ZSTD(1)),
    repo           String CODEC(ZSTD(1)),
    branch         String CODEC(ZSTD(1)),
    team           String CODEC(ZSTD(1)),
    project        String CODEC(ZSTD(1)),
    application    String CODEC(ZSTD(1)),
    release        String CODEC(ZSTD(1)),
    tags           Map(String, String) CODEC(ZSTD(1)),
    entities       Array(String) CODEC(ZSTD(1)),
    links          Map(String, String) CODEC(ZSTD(1)),
    related_id     String CODEC(ZSTD(1)),
    allowed_groups Array(String) CODEC(ZSTD(1)),
    problem_id     String CODEC(ZSTD(1)),
    deadline       Nullable(DateTime64(3, 'UTC')) CODEC(Delta(8), ZSTD(1)),
    raw            String CODEC(ZSTD(1)),

    INDEX words lowerUTF8(concat(title, ' ', text)) TYPE text(tokenizer = splitByNonAlpha),
    INDEX by_entity entities TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_tag_key mapKeys(tags) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_tag_value mapValues(tags) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_related_id related_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_span_start if(isNull(start), ts, start) TYPE minmax GRANULARITY 1,
    INDEX by_span_end if(isNull(`end`), if(isNull(start), ts, start), `end`) TYPE minmax GRANULARITY 1,
    INDEX by_low_bits substring(id, 20) TYPE bloom_filter(0.001) GRANULARITY 1
) ENGINE = ${replicated}ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(ts)
ORDER BY (tenant, ts, id)
SETTINGS
    ttl_only_drop_parts = 1,
    non_replicated_deduplication_window = 0,
    fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_age_to_force_merge_seconds = 86400, min_age_to_force_merge_on_partition_only = 1,
    map_serialization_version = 'with_buckets', map_serialization_version_for_zero_level_parts = 'basic';

-- Where an event lies whose id does not tell its time: ids made from an idempotency key, and events that a patch moved.
-- A moved UUIDv7 event that moves back leaves its old row here, so a reader asks for both places: this one and the time in the id.

CREATE TABLE IF NOT EXISTS ${database}.event_keys ${on_cluster} (
    tenant     LowCardinality(String),
    id         String CODEC(ZSTD(1)),
    version    UInt64,
    ts         DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    updated_ts DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1))
) ENGINE = ${replicated}ReplacingMergeTree(version)
ORDER BY (tenant, id)
SETTINGS
    index_granularity = 1024,
    non_replicated_deduplication_window = 0,
    fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.event_keys_from_events ${on_cluster} TO ${database}.event_keys AS
SELECT tenant, id, version, ts, updated_ts
FROM ${database}.events
WHERE NOT is_deleted
  AND NOT (
    length(id) = 36 AND substring(id, 15, 1) = '7'
    AND reinterpretAsUInt64(reverse(unhex(concat(substring(id, 1, 8), substring(id, 10, 4))))) = toUnixTimestamp64Milli(ts)
  );
