-- What lists and look-ups read, in the order of time: the columns that are filtered, counted and sorted, and the rest packed into `record`.
-- A row is answered from one stream instead of 36 columns: 9 files are opened for a look-up instead of 81, and it costs a third of the CPU
-- (docs/measurements.md, "Tables"). `events` keeps its columns as what the sink inserts into; once its rows lie here as well
-- (`causeline migrate`), it keeps none of them.
-- `record` is the JSON array of the columns of `events` but tenant, id, ts and raw, in the order of the record's schema, then a line feed
-- and `raw` as it was sent. A column that a later migration adds stands behind them; a shorter array lacks it.
-- The expressions of the indexes must be the query's, word for word; the pattern of words is that of `causeline.schemas.values.words`. It is
-- not in the view, which would compile it four times an insert (15 ms), and ASCII goes without it: the tokenizer cuts that at the same places.
-- ZSTD where a column is long, LZ4 where it is looked through.
-- `by_day` counts days that lie in one merged part (`sql/merged_days.py` of query_api has its expressions, word for word). A merge makes it
-- anew, since it drops rows; an insert makes it too, since parts with it and parts without it are never merged with each other.

CREATE TABLE IF NOT EXISTS ${database}.events_by_time ${on_cluster} (
    tenant         LowCardinality(String),
    ts             DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    id             String CODEC(ZSTD(1)),
    version        UInt64 CODEC(LZ4),
    is_deleted     UInt8 CODEC(LZ4),
    dialect        LowCardinality(String),
    kind           LowCardinality(String),
    status         LowCardinality(String),
    start          Nullable(DateTime64(3, 'UTC')) CODEC(Delta(8), ZSTD(1)),
    `end`          Nullable(DateTime64(3, 'UTC')) CODEC(Delta(8), ZSTD(1)),
    deadline       Nullable(DateTime64(3, 'UTC')) CODEC(Delta(8), ZSTD(1)),
    updated_ts     DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    service        LowCardinality(String),
    environment    LowCardinality(String),
    previous_service String CODEC(ZSTD(1)),
    priority       String CODEC(ZSTD(1)),
    severity       String CODEC(ZSTD(1)),
    source         String CODEC(ZSTD(1)),
    owner          String CODEC(ZSTD(1)),
    team           String CODEC(ZSTD(1)),
    related_id     String CODEC(ZSTD(1)),
    entities       Array(String) CODEC(ZSTD(1)),
    tags           Map(String, String) CODEC(ZSTD(1)),
    allowed_groups Array(String) CODEC(ZSTD(1)),
    title_text     String CODEC(ZSTD(1)),
    record         String CODEC(ZSTD(1)),
    raw            String ALIAS substring(record, position(record, '\n') + 1),

    INDEX by_words if(isValidASCII(title_text), lower(title_text), lowerUTF8(arrayStringConcat(extractAll(title_text, '[\\p{L}\\p{Nd}\\p{Nl}][\\p{L}\\p{Nd}\\p{Nl}\\p{Mn}\\p{Mc}]*|[\\p{So}\\p{No}]'), ' '))) TYPE text(tokenizer = splitByNonAlpha),
    INDEX by_entity entities TYPE bloom_filter(0.01) GRANULARITY 8,
    INDEX by_tag_key mapKeys(tags) TYPE bloom_filter(0.01) GRANULARITY 8,
    INDEX by_tag_value mapValues(tags) TYPE bloom_filter(0.01) GRANULARITY 8,
    INDEX by_related_id related_id TYPE bloom_filter(0.01) GRANULARITY 8,
    INDEX by_span_start if(isNull(start), ts, start) TYPE minmax GRANULARITY 1,
    INDEX by_span_end if(isNull(`end`), if(isNull(start), ts, start), `end`) TYPE minmax GRANULARITY 1,
    INDEX by_last_edge if(dialect = 'desk', greatest(ifNull(start, ts), ifNull(`end`, ifNull(deadline, addYears(ts, 30)))), ifNull(start, ts)) TYPE minmax GRANULARITY 1,
    INDEX by_low_bits substring(id, 20) TYPE bloom_filter(0.001) GRANULARITY 8,

    PROJECTION by_day (
        SELECT tenant, intDiv(toUnixTimestamp64Milli(ts), 86400000), is_deleted, kind, status, environment, dialect, count()
        GROUP BY tenant, intDiv(toUnixTimestamp64Milli(ts), 86400000), is_deleted, kind, status, environment, dialect
    )
) ENGINE = ${replicated}ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(ts)
ORDER BY (tenant, ts, id)
SETTINGS
    index_granularity = 1024,
    ttl_only_drop_parts = 1,
    min_bytes_for_wide_part = 67108864,
    non_replicated_deduplication_window = 0,
    fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_age_to_force_merge_seconds = 86400, min_age_to_force_merge_on_partition_only = 1,
    deduplicate_merge_projection_mode = 'rebuild', lightweight_mutation_projection_mode = 'rebuild',
    map_serialization_version = 'with_buckets', map_serialization_version_for_zero_level_parts = 'basic';

ALTER TABLE ${database}.events ${on_cluster}
    ADD COLUMN IF NOT EXISTS previous_service String CODEC(LZ4);

CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.events_by_time_from_events ${on_cluster} TO ${database}.events_by_time AS
SELECT
    tenant, ts, id, version, is_deleted, dialect, kind, status, start, `end`, deadline, updated_ts, service, environment,
    previous_service, priority,
    severity, source, owner, team, related_id, entities, tags, allowed_groups,
    concat(title, ' ', text) AS title_text,
    concat(
        formatRowNoNewline('JSONCompactEachRow',
            version, toBool(is_deleted), dialect, kind, status, toUnixTimestamp64Milli(start), toUnixTimestamp64Milli(`end`),
            toUnixTimestamp64Milli(ingest_ts), toUnixTimestamp64Milli(updated_ts), service, environment, priority, severity, title, text,
            source, owner, actor, commit, repo, branch, team, project, application, release, tags, entities, links, related_id,
            allowed_groups, problem_id, toUnixTimestamp64Milli(deadline)),
        '\n', raw) AS record
FROM ${database}.events;

-- Until `events` is copied, lists are answered from it: by the same names.

ALTER TABLE ${database}.events ${on_cluster}
    ADD COLUMN IF NOT EXISTS title_text String ALIAS concat(title, ' ', text),
    ADD COLUMN IF NOT EXISTS record String ALIAS concat(
        formatRowNoNewline('JSONCompactEachRow',
            version, toBool(is_deleted), dialect, kind, status, toUnixTimestamp64Milli(start), toUnixTimestamp64Milli(`end`),
            toUnixTimestamp64Milli(ingest_ts), toUnixTimestamp64Milli(updated_ts), service, environment, priority, severity, title, text,
            source, owner, actor, commit, repo, branch, team, project, application, release, tags, entities, links, related_id,
            allowed_groups, problem_id, toUnixTimestamp64Milli(deadline)),
        '\n', raw);

-- What of a copy that takes long is done: one that was stopped goes on there.

CREATE TABLE IF NOT EXISTS ${database}.migration_steps ${on_cluster} (
    number UInt32,
    step   String,
    rows   UInt64,
    at     DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = ${replicated}ReplacingMergeTree(at)
ORDER BY (number, step)
SETTINGS
    non_replicated_deduplication_window = 0,
    fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1;
