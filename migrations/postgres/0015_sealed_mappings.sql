-- How columns are read names the columns of a file and their words, and may so hold what a file said: it is sealed.
-- What was kept in clear is not taken over. Calendars stay known by their headers; their columns are matched once more.

CREATE TABLE layouts (
    practice_id UUID NOT NULL REFERENCES practices (id),
    id UUID NOT NULL,
    header_mac BYTEA NOT NULL,             -- chooses calendar and mapping again by the file's header
    source_id UUID NOT NULL,
    mapping BYTEA,                         -- sealed; none: to be matched again
    rev BIGINT NOT NULL,                    -- of the mapping
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (practice_id, id)
);
CREATE UNIQUE INDEX layouts_header ON layouts (practice_id, header_mac);
ALTER TABLE layouts ENABLE ROW LEVEL SECURITY;
ALTER TABLE layouts FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON layouts USING (CASE current_setting('kept.scope', true)
    WHEN 'work' THEN TRUE
    WHEN 'practice' THEN practice_id = NULLIF(current_setting('kept.practice', true), '')::uuid
    ELSE FALSE END);

-- Row-level security binds a migration too: without this it would find no header.
SET LOCAL kept.scope = 'work';
INSERT INTO layouts (practice_id, id, header_mac, source_id, rev, created_at_ms)
    SELECT practice_id, gen_random_uuid(), header_mac, source_id, 0, created_at_ms FROM source_headers;
DROP TABLE source_headers;

ALTER TABLE uploads DROP COLUMN mapping;
ALTER TABLE uploads ADD COLUMN mapping BYTEA; -- sealed, once the columns are matched
ALTER TABLE uploads ADD COLUMN mapping_rev BIGINT NOT NULL DEFAULT 0;
