-- How often links were asked for, so that nobody fills somebody's phone or tries numbers out.

CREATE TABLE link_asks (
    practice_id BLOB NOT NULL REFERENCES practices (id),
    bix BLOB NOT NULL,                      -- keyed hash of a number, or of a client's address
    since_ms BIGINT NOT NULL,               -- wall: when the first ask of this window came
    n BIGINT NOT NULL,
    PRIMARY KEY (practice_id, bix)
);
