-- The call list, and the log of messages by time.

CREATE TABLE calls (                        -- who took a call over and what calling came to; append-only
    practice_id BLOB NOT NULL REFERENCES practices (id),
    id BLOB NOT NULL,
    appointment_id BLOB NOT NULL,
    staff_id BLOB NOT NULL,
    act TEXT NOT NULL,                      -- taken | left | confirmed | declined | message-left | no-reply | wrong-number
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (practice_id, id),
    FOREIGN KEY (practice_id, appointment_id) REFERENCES appointments (practice_id, id)
);
CREATE INDEX calls_appointment ON calls (practice_id, appointment_id, at_ms);

CREATE INDEX notices_log ON notices (practice_id, due_at_ms, id);
CREATE INDEX reminders_log ON reminders (practice_id, due_at_ms, id) WHERE notice_id IS NULL;
