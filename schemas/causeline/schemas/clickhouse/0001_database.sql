-- One own Atomic database: refreshable views and atomic renames need it (the engine's `default` is an overlay).
-- Every statement of every migration is idempotent, because two processes may apply the same file at the same time.

CREATE DATABASE IF NOT EXISTS ${database} ${on_cluster} ENGINE = Atomic;

CREATE TABLE IF NOT EXISTS ${database}.schema_migrations ${on_cluster} (
    number     UInt32,
    name       String,
    checksum   String,
    applied_at DateTime DEFAULT now()
) ENGINE = ${replicated}ReplacingMergeTree(applied_at)
ORDER BY number
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
