-- How often links were asked for, so that nobody fills somebody's phone or tries numbers out.

CREATE TABLE link_asks (
    practice_id UUID NOT NULL REFERENCES practices (id),
    bix BYTEA NOT NULL,                     -- keyed hash of a number, or of a client's address
    since_ms BIGINT NOT NULL,               -- wall: when the first ask of this window came
    n BIGINT NOT NULL,
    PRIMARY KEY (practice_id, bix)
);

ALTER TABLE link_asks ENABLE ROW LEVEL SECURITY;
ALTER TABLE link_asks FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON link_asks USING (current_setting('kept.scope', true) = 'work'
    OR (current_setting('kept.scope', true) = 'practice'
        AND practice_id = NULLIF(current_setting('kept.practice', true), '')::uuid));
