-- The commits that a change brings, and when they were made (ms UTC, 0: not said). They have columns, so that the deployments of a quarter are
-- asked for their commits without the JSON that their clients sent. Most rows have none: two empty arrays, which pack to nothing.
-- `record` of a row with commits goes on behind `deadline`, in the order of the schema of an event. That of any other row stays as it was:
-- it is no longer than before, and what is stored already equals what a rebuild from the log makes.

ALTER TABLE ${database}.events ${on_cluster}
    ADD COLUMN IF NOT EXISTS commits Array(String) CODEC(LZ4),
    ADD COLUMN IF NOT EXISTS commit_times Array(Int64) CODEC(LZ4);

ALTER TABLE ${database}.events_by_time ${on_cluster}
    ADD COLUMN IF NOT EXISTS commits Array(String) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS commit_times Array(Int64) CODEC(ZSTD(1));

ALTER TABLE ${database}.events_by_time_from_events ${on_cluster} MODIFY QUERY
SELECT
    tenant, ts, id, version, is_deleted, dialect, kind, status, start, `end`, deadline, updated_ts, service, environment,
    previous_service, priority,
    severity, source, owner, team, related_id, entities, tags, allowed_groups,
    concat(title, ' ', text) AS title_text,
    concat(
        if(empty(commits),
            formatRowNoNewline('JSONCompactEachRow',
                version, toBool(is_deleted), dialect, kind, status, toUnixTimestamp64Milli(start), toUnixTimestamp64Milli(`end`),
                toUnixTimestamp64Milli(ingest_ts), toUnixTimestamp64Milli(updated_ts), service, environment, priority, severity, title, text,
                source, owner, actor, commit, repo, branch, team, project, application, release, tags, entities, links, related_id,
                allowed_groups, problem_id, toUnixTimestamp64Milli(deadline)) AS packed,
            concat(
                substring(packed, 1, length(packed) - 1), ', ',
                substring(formatRowNoNewline('JSONCompactEachRow', previous_service, commits, commit_times), 2))),
        '\n', raw) AS record,
    commits, commit_times
FROM ${database}.events;

ALTER TABLE ${database}.events ${on_cluster}
    MODIFY COLUMN IF EXISTS record String ALIAS concat(
        if(empty(commits),
            formatRowNoNewline('JSONCompactEachRow',
                version, toBool(is_deleted), dialect, kind, status, toUnixTimestamp64Milli(start), toUnixTimestamp64Milli(`end`),
                toUnixTimestamp64Milli(ingest_ts), toUnixTimestamp64Milli(updated_ts), service, environment, priority, severity, title, text,
                source, owner, actor, commit, repo, branch, team, project, application, release, tags, entities, links, related_id,
                allowed_groups, problem_id, toUnixTimestamp64Milli(deadline)) AS packed,
            concat(
                substring(packed, 1, length(packed) - 1), ', ',
                substring(formatRowNoNewline('JSONCompactEachRow', previous_service, commits, commit_times), 2))),
        '\n', raw);
