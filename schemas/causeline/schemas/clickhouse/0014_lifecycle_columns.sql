-- What insights pair begins and ends by, beside team and kind: until now it lay in `record` and `tags` alone. `events` has the first two.
-- With defaults, so that no row is copied: of rows that are there they are computed as they are read, until a merge writes them. 19 and 20
-- are the places of commit and repo in the array (0009_events_by_time.sql). New rows get them from the view, which need not parse.

ALTER TABLE ${database}.events_by_time ${on_cluster}
    ADD COLUMN IF NOT EXISTS commit String DEFAULT JSONExtractString(substringIndex(record, '\n', 1), 19) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS repo String DEFAULT JSONExtractString(substringIndex(record, '\n', 1), 20) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS run_id String DEFAULT if(tags['run_id'] != '', tags['run_id'], tags['runId']) CODEC(ZSTD(1));

ALTER TABLE ${database}.events ${on_cluster}
    ADD COLUMN IF NOT EXISTS run_id String ALIAS if(tags['run_id'] != '', tags['run_id'], tags['runId']);

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
    commits, commit_times, commit, repo, if(tags['run_id'] != '', tags['run_id'], tags['runId']) AS run_id
FROM ${database}.events;
