-- How long rows stay, applied whenever `${retention_days}` differs from what the tables say. Not numbered: it follows a setting.
-- By arrival, not by `ts`: clients send old start dates and must find them. By the arrival of the version, so that a tombstone
-- never expires before the row that it hides. Events go by whole parts, hence later than their last row by up to a month: so do their keys.
-- A part with a row may outlive the part with its tombstone, where it took in newer arrivals first (partitions of the log that were apart).
-- What shows again then is past its own retention, and goes with its part; a month without inserts for a day is one part, and shows none.
-- `events_by_time` comes last: it is the one that is looked at to learn whether all of this was applied.

ALTER TABLE ${database}.event_keys ${on_cluster} MODIFY TTL toDateTime(updated_ts) + toIntervalDay(31 + ${retention_days});
ALTER TABLE ${database}.problem_transitions ${on_cluster} MODIFY TTL toDateTime(at) + toIntervalDay(${retention_days});
ALTER TABLE ${database}.problems_closed ${on_cluster} MODIFY TTL toDateTime(at) + toIntervalDay(${retention_days});
ALTER TABLE ${database}.events_by_service ${on_cluster} MODIFY TTL toDateTime(updated_ts) + toIntervalDay(${retention_days});
ALTER TABLE ${database}.events_by_time ${on_cluster} MODIFY TTL toDateTime(updated_ts) + toIntervalDay(${retention_days});
