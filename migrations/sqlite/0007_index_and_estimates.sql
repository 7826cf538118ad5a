-- A notice changes its state four times, and each time the index moved it; a number has few notices, so the state can be looked
-- at in them. (The file of the same name for PostgreSQL also helps that engine's planner; there is no such thing here.)
DROP INDEX notices_contact;
CREATE INDEX notices_contact ON notices (practice_id, bix);
