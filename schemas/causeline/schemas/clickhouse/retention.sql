-- How long rows stay: each statement is applied whenever its table says something else. Not numbered: it follows a setting.
-- One line a table, in the words in which ClickHouse tells a TTL (`system.tables`): they are compared.
-- By arrival, not by `ts`: clients send old start dates and must find them. By the arrival of the version, so that a tombstone
-- never expires before the row that it hides. Events go by whole parts, hence later than their last row by up to a month: so do their keys.
-- A part with a row may outlive the part with its tombstone, where it took in newer arrivals first (partitions of the log that were apart).
-- What shows again then is past its own retention, and goes with its part; a month without inserts for a day is one part, and shows none.

ALTER TABLE ${database}.event_keys ${on_cluster} MODIFY TTL toDateTime(updated_ts) + toIntervalDay(31 + ${retention_days});
ALTER TABLE ${database}.problem_transitions ${on_cluster} MODIFY TTL toDateTime(at) + toIntervalDay(${retention_days});
ALTER TABLE ${database}.problems_closed ${on_cluster} MODIFY TTL toDateTime(at) + toIntervalDay(${retention_days});
ALTER TABLE ${database}.cause_revisions ${on_cluster} MODIFY TTL toDateTime(computed_at) + toIntervalDay(${retention_days});
ALTER TABLE ${database}.dora_events ${on_cluster} MODIFY TTL toDateTime(updated_ts) + toIntervalDay(${retention_days});
ALTER TABLE ${database}.events_by_service ${on_cluster} MODIFY TTL toDateTime(updated_ts) + toIntervalDay(${retention_days});
ALTER TABLE ${database}.events_by_time ${on_cluster} MODIFY TTL toDateTime(updated_ts) + toIntervalDay(${retention_days});
