-- Words are what Unicode says that words are (`causeline.schemas.words`): before, every character beyond ASCII was a part of one, so that
-- `checkout` did not find “checkout”. The pattern and the whole expression are those of the query, word for word, or the index is not used.
-- Rows that are stored already are indexed anew in the background; until then they are looked at one by one.

ALTER TABLE ${database}.events ${on_cluster} DROP INDEX IF EXISTS words;

ALTER TABLE ${database}.events ${on_cluster}
    ADD INDEX IF NOT EXISTS
    said lowerUTF8(arrayStringConcat(extractAll(concat(title, ' ', text), '[\\p{L}\\p{Nd}\\p{Nl}][\\p{L}\\p{Nd}\\p{Nl}\\p{Mn}\\p{Mc}]*|[\\p{So}\\p{No}]'), ' ')) TYPE text(tokenizer = splitByNonAlpha);

ALTER TABLE ${database}.events ${on_cluster} MATERIALIZE INDEX said;
