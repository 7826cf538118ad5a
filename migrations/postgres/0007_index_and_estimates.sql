-- A notice changes its state four times, and each time the index moved it; a number has few notices, so the state can be looked
-- at in them.
DROP INDEX notices_contact;
CREATE INDEX notices_contact ON notices (practice_id, bix);

-- The same row-level security in words that the planner reads better. `a = 'work' OR (a = 'practice' AND …)` counts as one row in
-- a hundred, for each table of a join: it believed that nearly nothing would come of any table, and joined accordingly. A CASE
-- counts as one in two; and it asks for the scope once.
DO $$
DECLARE name TEXT; column_name TEXT;
BEGIN
    FOR name IN SELECT tablename FROM pg_policies WHERE schemaname = current_schema() AND policyname = 'scope'
    LOOP
        column_name := CASE name WHEN 'practices' THEN 'id' ELSE 'practice_id' END;
        EXECUTE format(
            'ALTER POLICY scope ON %I USING (CASE current_setting(''kept.scope'', true)
                 WHEN ''work'' THEN TRUE
                 WHEN ''practice'' THEN %I = NULLIF(current_setting(''kept.practice'', true), '''')::uuid
                 ELSE FALSE END)', name, column_name);
    END LOOP;
END $$;
