-- A calendar may come in several layouts: each header that its files had, with the mapping it is read by. A file whose header is new
-- and whose visits are known is taken for a new layout, not for another calendar.

CREATE TABLE source_headers (
    practice_id BLOB NOT NULL REFERENCES practices (id),
    header_mac BLOB NOT NULL,              -- chooses calendar and mapping again by the file's header
    source_id BLOB NOT NULL,
    mapping TEXT NOT NULL,                  -- TOML
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (practice_id, header_mac)
);

INSERT INTO source_headers (practice_id, header_mac, source_id, mapping, created_at_ms)
    SELECT practice_id, header_mac, id, mapping, created_at_ms FROM sources WHERE header_mac IS NOT NULL;

DROP INDEX sources_header;
ALTER TABLE sources DROP COLUMN header_mac;
ALTER TABLE sources DROP COLUMN mapping;
