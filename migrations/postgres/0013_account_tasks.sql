-- A line that refuses us is one task for each line and code, however many messages it does not take.
ALTER TABLE tasks ADD COLUMN detail TEXT;       -- of kind account: the line and its code
CREATE UNIQUE INDEX tasks_open_detail ON tasks (practice_id, kind, detail) WHERE state = 'open' AND detail IS NOT NULL;
