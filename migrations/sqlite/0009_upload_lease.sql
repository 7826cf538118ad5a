-- Who imports an upload, and up to when that counts: what a process that died left half done is taken up again after that.
ALTER TABLE uploads ADD COLUMN lease_token BLOB;
ALTER TABLE uploads ADD COLUMN lease_until_ms BIGINT; -- wall
