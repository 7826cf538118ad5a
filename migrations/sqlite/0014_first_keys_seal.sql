-- For the other engine's sake, whose 0006 changed nothing; here every key from before seals already.
UPDATE practice_keys SET sealing_at_ms = created_at_ms WHERE version = 1 AND NOT EXISTS (
    SELECT 1 FROM practice_keys AS other
    WHERE other.practice_id = practice_keys.practice_id AND other.sealing_at_ms IS NOT NULL);
