-- A data-encryption key seals from `sealing_at_ms` on. Before that every process learns to open with it, so that no read fails; once the
-- key before it has nothing left under it, that one's wrapped form is emptied and `retired_at_ms` set.
ALTER TABLE practice_keys ADD COLUMN sealing_at_ms BIGINT;
UPDATE practice_keys SET sealing_at_ms = created_at_ms;
