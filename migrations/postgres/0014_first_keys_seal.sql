-- 0006 changed nothing here: row-level security binds a migration too, and hid every key from it. A practice none of whose keys seals
-- has only keys from before.
SET LOCAL kept.scope = 'work';
UPDATE practice_keys SET sealing_at_ms = created_at_ms WHERE version = 1 AND NOT EXISTS (
    SELECT 1 FROM practice_keys AS other
    WHERE other.practice_id = practice_keys.practice_id AND other.sealing_at_ms IS NOT NULL);
