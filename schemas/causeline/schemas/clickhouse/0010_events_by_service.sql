-- The service that an event had before the version that changed it. Where events lie by service, the row there has to be hidden.

ALTER TABLE ${database}.events ${on_cluster}
    ADD COLUMN IF NOT EXISTS previous_service String CODEC(LZ4);
