-- The call list, and the log of messages by time.

CREATE TABLE calls (                        -- who took a call over and what calling came to; append-only
    practice_id UUID NOT NULL REFERENCES practices (id),
    id UUID NOT NULL,
    appointment_id UUID NOT NULL,
    staff_id UUID NOT NULL,
    act TEXT NOT NULL,                      -- taken | left | confirmed | declined | message-left | no-reply | wrong-number
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (practice_id, id),
    FOREIGN KEY (practice_id, appointment_id) REFERENCES appointments (practice_id, id)
);
CREATE INDEX calls_appointment ON calls (practice_id, appointment_id, at_ms);

CREATE INDEX notices_log ON notices (practice_id, due_at_ms, id);
CREATE INDEX reminders_log ON reminders (practice_id, due_at_ms, id) WHERE notice_id IS NULL;

ALTER TABLE calls ENABLE ROW LEVEL SECURITY;
ALTER TABLE calls FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON calls USING (current_setting('kept.scope', true) = 'work'
    OR (current_setting('kept.scope', true) = 'practice'
        AND practice_id = NULLIF(current_setting('kept.practice', true), '')::uuid));
