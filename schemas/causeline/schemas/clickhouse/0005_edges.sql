-- A DESK list asks for what begins or ends in a window. An event without an end ends when it is asked about, so no index on `end` can answer:
-- here it stands with the last moment at which it may end (its deadline, else so late that it does not matter), and a list skips what ended
-- for good before its window. Other dialects are not asked this and their open events would spoil the index: they stand with their start.
-- The expression must be the query's, word for word, and hold no constant that the query would fold (an index with one is never used).

ALTER TABLE ${database}.events ${on_cluster}
    ADD INDEX IF NOT EXISTS by_last_edge
    if(dialect = 'desk', greatest(ifNull(start, ts), ifNull(`end`, ifNull(deadline, addYears(ts, 30)))), ifNull(start, ts))
    TYPE minmax GRANULARITY 1;

ALTER TABLE ${database}.events ${on_cluster} MATERIALIZE INDEX by_last_edge;
