-- A patient may be erased: the salt that every value of theirs was sealed under is replaced, and with it go their numbers and words.
-- What is left of them counts in reports.
ALTER TABLE patients ADD COLUMN erased_at_ms BIGINT; -- wall
