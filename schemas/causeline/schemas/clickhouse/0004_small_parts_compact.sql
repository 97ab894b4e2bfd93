-- A part of less than 64 MiB (about 150,000 events) lies in one data file instead of several a column. What an insert writes is fsynced file
-- by file: 189 files of a wide part cost 6.1 us of system time a row, 15 files of a compact one 1.1 us (25,000 rows an insert). Reading a
-- column of a compact part seeks once a granule, which such a small part does not notice; larger ones come from merges and stay wide.

ALTER TABLE ${database}.events ${on_cluster} MODIFY SETTING min_bytes_for_wide_part = 67108864;
