-- What one service's lists read: the packed rows of `events_by_time`, in the order of service and time. A page is one range of the key and one
-- stream: parts are compact at any size, since a row is read whole, and granules hold as many rows as a few pages do.
-- A version that changes the service lies under another key than the one before it, as one that changes the time does: it names the service
-- before (`previous_service`), and a tombstone of its version hides the row there. Tombstones of moves and deletes carry the service of the
-- row that they hide. So of an event that changes both at once nothing is left: the move hides (old service, old time), where the row was.
-- Events without a service are not here: nobody asks for them. Where the service before is empty there is hence nothing to hide.
-- `record` is packed once, for `events_by_time`; the tombstones need none. They have a view of their own, which hardly ever makes a row: one
-- view for both would copy every row into an array and out of it.
-- Columns are those that are filtered beside service and time; `updated_ts` is what retention counts from.

CREATE TABLE IF NOT EXISTS ${database}.events_by_service ${on_cluster} (
    tenant         LowCardinality(String),
    service        LowCardinality(String),
    ts             DateTime64(3, 'UTC') CODEC(Delta(8), LZ4),
    id             String CODEC(ZSTD(1)),
    version        UInt64 CODEC(LZ4),
    is_deleted     UInt8 CODEC(LZ4),
    updated_ts     DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    dialect        LowCardinality(String),
    kind           LowCardinality(String),
    status         LowCardinality(String),
    environment    LowCardinality(String),
    allowed_groups Array(String) CODEC(ZSTD(1)),
    record         String CODEC(ZSTD(1))
) ENGINE = ${replicated}ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(ts)
ORDER BY (tenant, service, ts, id)
SETTINGS
    index_granularity = 256,
    ttl_only_drop_parts = 1,
    min_bytes_for_wide_part = 1099511627776, min_rows_for_wide_part = 1099511627776,
    non_replicated_deduplication_window = 0,
    fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_age_to_force_merge_seconds = 86400, min_age_to_force_merge_on_partition_only = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.events_by_service_from_events_by_time ${on_cluster} TO ${database}.events_by_service AS
SELECT tenant, service, ts, id, version, is_deleted, updated_ts, dialect, kind, status, environment, allowed_groups, record
FROM ${database}.events_by_time
WHERE service != '';

CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.previous_services_from_events_by_time ${on_cluster} TO ${database}.events_by_service AS
SELECT
    tenant, previous_service AS service, ts, id, version, toUInt8(1) AS is_deleted, updated_ts, dialect, kind, status, environment,
    allowed_groups, '' AS record
FROM ${database}.events_by_time
WHERE previous_service != '' AND previous_service != toString(events_by_time.service);
