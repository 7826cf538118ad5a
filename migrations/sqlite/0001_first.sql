-- The first schema. Rules that hold in every table:
--   keys are (practice_id, id); instants are BIGINT milliseconds named …_at_ms; local days are BIGINT days
--   since 1970-01-01 named …_day; private text lives only in sealed columns (`private`, `said`, `body`,
--   `link_secret`, `wrapped…`); `rev` counts how often a row's sealed value was written and is bound into it.
-- The PostgreSQL file of the same name differs in types (UUID, BYTEA) and adds row-level security.

CREATE TABLE practices (
    id BLOB PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    alias TEXT NOT NULL,
    phone TEXT,
    time_zone TEXT NOT NULL,
    settings TEXT NOT NULL,                 -- JSON of domain::PracticeSettings
    salt BLOB NOT NULL,                    -- of rows that belong to several or no patients
    wrapped_index_key BLOB NOT NULL,       -- key of blind indexes and content MACs, under the KEK
    rev BIGINT NOT NULL DEFAULT 1,
    created_at_ms BIGINT NOT NULL
);

CREATE TABLE practice_keys (                -- data encryption keys, versioned
    practice_id BLOB NOT NULL REFERENCES practices (id),
    version BIGINT NOT NULL,
    wrapped_dek BLOB NOT NULL,
    created_at_ms BIGINT NOT NULL,
    retired_at_ms BIGINT,
    PRIMARY KEY (practice_id, version)
);

CREATE TABLE locations (
    practice_id BLOB NOT NULL REFERENCES practices (id),
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    alias TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    phone TEXT,
    address TEXT,
    sender TEXT,                            -- number that texts come from, E.164
    position BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (practice_id, id)
);

CREATE TABLE practitioners (
    practice_id BLOB NOT NULL REFERENCES practices (id),
    id BLOB NOT NULL,
    private BLOB NOT NULL,
    rev BIGINT NOT NULL,
    name_bix BLOB NOT NULL,
    position BIGINT NOT NULL DEFAULT 0,     -- file order; reports never rank people
    PRIMARY KEY (practice_id, id),
    UNIQUE (practice_id, name_bix)
);

CREATE TABLE plans (
    practice_id BLOB NOT NULL REFERENCES practices (id),
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    steps TEXT NOT NULL,                    -- JSON of domain::plan::Step[]
    is_default BOOLEAN NOT NULL DEFAULT FALSE,
    version BIGINT NOT NULL DEFAULT 1,
    PRIMARY KEY (practice_id, id)
);

CREATE TABLE visit_types (
    practice_id BLOB NOT NULL REFERENCES practices (id),
    id BLOB NOT NULL,
    private BLOB NOT NULL,
    rev BIGINT NOT NULL,
    name_bix BLOB NOT NULL,
    plan_id BLOB,                           -- none: the practice's default plan
    position BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (practice_id, id),
    UNIQUE (practice_id, name_bix)
);

CREATE TABLE sources (                      -- calendars that visits come from
    practice_id BLOB NOT NULL REFERENCES practices (id),
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,                     -- file
    header_mac BLOB,                       -- chooses the mapping again by the file's header
    mapping TEXT NOT NULL,                  -- TOML
    consent TEXT,                           -- the uploader's choice: declared | none
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (practice_id, id)
);
CREATE UNIQUE INDEX sources_header ON sources (practice_id, header_mac);

CREATE TABLE imports (
    practice_id BLOB NOT NULL REFERENCES practices (id),
    id BLOB NOT NULL,
    source_id BLOB NOT NULL,
    file_hash BLOB NOT NULL,               -- SHA-256
    counts TEXT NOT NULL,                   -- JSON: new changed unchanged vanished rejected …
    private BLOB NOT NULL,
    rev BIGINT NOT NULL,
    staff_id BLOB,
    finished_at_ms BIGINT NOT NULL,
    PRIMARY KEY (practice_id, id)
);

CREATE TABLE uploads (                      -- between "Check" and "Send"
    practice_id BLOB NOT NULL REFERENCES practices (id),
    id BLOB NOT NULL,
    staff_id BLOB,
    private BLOB NOT NULL,
    rev BIGINT NOT NULL,
    mapping TEXT,                           -- TOML, once the columns are matched
    consent TEXT,                           -- the choice for this file: declared | none
    state TEXT NOT NULL,                    -- uploaded | importing | done | failed
    progress BIGINT NOT NULL DEFAULT 0,     -- rows handled
    total BIGINT NOT NULL DEFAULT 0,
    import_id BLOB,
    problem TEXT,                           -- a code, never a value of the file
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (practice_id, id)
);

CREATE TABLE patients (
    practice_id BLOB NOT NULL REFERENCES practices (id),
    id BLOB NOT NULL,
    salt BLOB NOT NULL,                    -- shred salt: destroying it erases the patient
    private BLOB NOT NULL,
    rev BIGINT NOT NULL,
    content_mac BLOB NOT NULL,             -- of the private value
    key_bix BLOB NOT NULL,                 -- of the practice's own id, or of the provisional key
    provisional BOOLEAN NOT NULL,           -- keyed by name, not by an id: never merged without a person
    has_birth_date BOOLEAN NOT NULL,
    locale TEXT,
    time_zone TEXT,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (practice_id, id),
    UNIQUE (practice_id, key_bix)
);

CREATE TABLE contact_points (
    practice_id BLOB NOT NULL REFERENCES practices (id),
    id BLOB NOT NULL,
    patient_id BLOB NOT NULL,
    channel TEXT NOT NULL,                  -- sms | email
    private BLOB NOT NULL,
    rev BIGINT NOT NULL,
    bix BLOB NOT NULL,                     -- of the number or address
    position BIGINT NOT NULL DEFAULT 0,     -- 0 is the one to use
    suspended TEXT,                         -- wrong-number | unreachable | …
    area_zones TEXT,                        -- zones the number's area code allows, comma-separated
    PRIMARY KEY (practice_id, id),
    UNIQUE (practice_id, patient_id, channel, bix),
    FOREIGN KEY (practice_id, patient_id) REFERENCES patients (practice_id, id)
);
CREATE INDEX contact_points_bix ON contact_points (practice_id, bix);

CREATE TABLE consents (                     -- the ledger: append-only, hash-chained per practice
    practice_id BLOB NOT NULL REFERENCES practices (id),
    seq BIGINT NOT NULL,
    id BLOB NOT NULL,
    bix BLOB NOT NULL,
    channel TEXT NOT NULL,
    act TEXT NOT NULL,                      -- granted | denied | withdrawn | restored
    basis TEXT NOT NULL,                    -- import-column | uploader-declared | reply | portal | desk | carrier
    wording TEXT NOT NULL,                  -- id of the wording that was shown
    locale TEXT,
    staff_id BLOB,
    import_id BLOB,
    at_ms BIGINT NOT NULL,
    prev_hash BLOB NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (practice_id, seq)
);

CREATE TABLE consent_now (                  -- where each number stands: the last entry of the ledger
    practice_id BLOB NOT NULL REFERENCES practices (id),
    bix BLOB NOT NULL,
    channel TEXT NOT NULL,
    act TEXT NOT NULL,
    seq BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (practice_id, bix, channel)
);

CREATE TABLE appointments (
    practice_id BLOB NOT NULL REFERENCES practices (id),
    id BLOB NOT NULL,
    patient_id BLOB NOT NULL,
    practitioner_id BLOB,
    location_id BLOB NOT NULL,
    visit_type_id BLOB,
    start_at_ms BIGINT NOT NULL,
    end_at_ms BIGINT,
    local_day BIGINT NOT NULL,              -- of the start, at the location
    booked_at_ms BIGINT,                    -- when the visit was made, if the calendar tells
    known_at_ms BIGINT NOT NULL,            -- when Kept first heard of it
    status TEXT NOT NULL,
    status_at_ms BIGINT NOT NULL,
    outcome_by TEXT,
    answer TEXT NOT NULL DEFAULT 'needs-action',
    answer_via TEXT,
    answer_at_ms BIGINT,
    cancelled_by TEXT,                      -- patient | practice | source
    revision BIGINT NOT NULL DEFAULT 1,     -- counts changes of start or location
    practitioner_revision BIGINT NOT NULL DEFAULT 1,
    source_id BLOB,
    private BLOB NOT NULL,
    rev BIGINT NOT NULL,
    held TEXT,                              -- why its reminders wait for the desk: vanished | conflict
    to_enter TEXT,                          -- what the desk must enter in its own system: cancelled | moved | confirmed
    plan_due BOOLEAN NOT NULL DEFAULT TRUE, -- something changed: look at its reminders again
    planned_version BIGINT,                 -- version of the plan its reminders were made from
    change_notice TEXT,                     -- a notice of a change is owed: moved | practitioner
    PRIMARY KEY (practice_id, id),
    FOREIGN KEY (practice_id, patient_id) REFERENCES patients (practice_id, id),
    FOREIGN KEY (practice_id, location_id) REFERENCES locations (practice_id, id)
);
CREATE INDEX appointments_plan_due ON appointments (practice_id, id) WHERE plan_due;
CREATE INDEX appointments_start ON appointments (practice_id, start_at_ms);
CREATE INDEX appointments_patient ON appointments (practice_id, patient_id, start_at_ms);
CREATE INDEX appointments_day ON appointments (practice_id, local_day);
CREATE INDEX appointments_needs ON appointments (practice_id, start_at_ms) WHERE held IS NOT NULL OR to_enter IS NOT NULL;

CREATE TABLE source_rows (                  -- what each source said last, for the three-way diff
    practice_id BLOB NOT NULL REFERENCES practices (id),
    source_id BLOB NOT NULL,
    key_bix BLOB NOT NULL,                 -- of the external id or the provisional key
    appointment_id BLOB NOT NULL,
    content_mac BLOB NOT NULL,
    said BLOB NOT NULL,
    id BLOB NOT NULL,
    rev BIGINT NOT NULL,
    said_start_at_ms BIGINT NOT NULL,
    import_id BLOB NOT NULL,                -- the last import that had the row
    vanished_at_ms BIGINT,
    PRIMARY KEY (practice_id, source_id, key_bix)
);
CREATE INDEX source_rows_start ON source_rows (practice_id, source_id, said_start_at_ms);
CREATE INDEX source_rows_appointment ON source_rows (practice_id, appointment_id);

CREATE TABLE notices (                      -- what is said: one text to one contact point
    practice_id BLOB NOT NULL REFERENCES practices (id),
    id BLOB NOT NULL,                       -- also the idempotency key at the carrier
    kind TEXT NOT NULL,
    channel TEXT NOT NULL,
    contact_point_id BLOB NOT NULL,
    bix BLOB NOT NULL,                     -- of the number
    location_id BLOB NOT NULL,
    locale TEXT NOT NULL,
    template TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,                            -- why it was not, or cannot be, sent
    due_at_ms BIGINT NOT NULL,              -- civil
    expires_at_ms BIGINT NOT NULL,          -- civil: not useful, or not allowed, after this
    send_day BIGINT,                        -- local day it counts for, set when armed
    lease_token BLOB,
    lease_until_ms BIGINT,                  -- wall
    attempts BIGINT NOT NULL DEFAULT 0,
    carrier TEXT,
    provider_ref TEXT,                      -- the carrier's id of the message
    body BLOB,                             -- frozen when armed
    link_secret BLOB,
    link_id BLOB,
    rev BIGINT NOT NULL DEFAULT 0,
    armed_at_ms BIGINT,
    sent_at_ms BIGINT,
    final_at_ms BIGINT,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (practice_id, id)
);
CREATE INDEX notices_due ON notices (due_at_ms, practice_id, id) WHERE state = 'planned';
CREATE INDEX notices_leased ON notices (lease_until_ms) WHERE state IN ('claimed', 'armed');
CREATE INDEX notices_uncertain ON notices (practice_id, id) WHERE state = 'uncertain';
CREATE INDEX notices_contact ON notices (practice_id, bix, state);
CREATE INDEX notices_ref ON notices (carrier, provider_ref) WHERE provider_ref IS NOT NULL;

CREATE TABLE reminders (                    -- why something should be said
    practice_id BLOB NOT NULL REFERENCES practices (id),
    id BLOB NOT NULL,
    appointment_id BLOB NOT NULL,
    step TEXT NOT NULL,
    channel TEXT NOT NULL,
    revision BIGINT NOT NULL,               -- of the appointment
    state TEXT NOT NULL,
    reason TEXT,                            -- the rule that skipped it
    due_at_ms BIGINT NOT NULL,
    said_at_ms BIGINT,                      -- civil; set when its notice was armed
    notice_id BLOB,
    PRIMARY KEY (practice_id, id),
    UNIQUE (practice_id, appointment_id, step, channel, revision),
    FOREIGN KEY (practice_id, appointment_id) REFERENCES appointments (practice_id, id)
);
CREATE INDEX reminders_notice ON reminders (practice_id, notice_id) WHERE notice_id IS NOT NULL;

CREATE TABLE sends (                        -- caps: a row for each message that counts, written while arming
    practice_id BLOB NOT NULL REFERENCES practices (id),
    bix BLOB NOT NULL,
    send_day BIGINT NOT NULL,
    slot BIGINT NOT NULL,                   -- 1..cap_per_day
    notice_id BLOB NOT NULL,
    PRIMARY KEY (practice_id, bix, send_day, slot)
);

CREATE TABLE attempts (
    practice_id BLOB NOT NULL REFERENCES practices (id),
    id BLOB NOT NULL,
    notice_id BLOB NOT NULL,
    number BIGINT NOT NULL,
    lease_token BLOB NOT NULL,
    carrier TEXT NOT NULL,
    armed_at_ms BIGINT NOT NULL,
    finished_at_ms BIGINT,
    outcome TEXT,                           -- accepted | refused | retry | unknown
    code TEXT,                              -- the carrier's error code
    PRIMARY KEY (practice_id, id),
    UNIQUE (practice_id, notice_id, number)
);

CREATE TABLE receipts (
    practice_id BLOB NOT NULL REFERENCES practices (id),
    provider TEXT NOT NULL,
    event TEXT NOT NULL,                    -- the provider's event id, or message id and status
    notice_id BLOB,                         -- none: the message is not ours, or not recorded yet
    provider_ref TEXT NOT NULL,
    status TEXT NOT NULL,
    code TEXT,
    received_at_ms BIGINT NOT NULL,
    applied BOOLEAN NOT NULL DEFAULT FALSE,
    PRIMARY KEY (practice_id, provider, event)
);
CREATE INDEX receipts_waiting ON receipts (practice_id, provider, provider_ref) WHERE NOT applied;

CREATE TABLE inbound (                      -- texts that patients sent back
    practice_id BLOB NOT NULL REFERENCES practices (id),
    id BLOB NOT NULL,
    provider TEXT NOT NULL,
    event TEXT NOT NULL,
    bix BLOB NOT NULL,
    intent TEXT NOT NULL,
    rule TEXT NOT NULL,                     -- which rule of the classifier decided
    private BLOB NOT NULL,
    rev BIGINT NOT NULL,
    appointment_id BLOB,
    received_at_ms BIGINT NOT NULL,
    applied BOOLEAN NOT NULL DEFAULT FALSE,
    PRIMARY KEY (practice_id, id),
    UNIQUE (practice_id, provider, event)
);

CREATE TABLE links (
    practice_id BLOB NOT NULL REFERENCES practices (id),
    id BLOB NOT NULL,
    auth_hash BLOB NOT NULL UNIQUE,        -- SHA-256(HKDF(t))
    notice_id BLOB,                         -- none: made at the desk
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,          -- civil
    revoked_at_ms BIGINT,
    revoked_for TEXT,
    opened_at_ms BIGINT,                    -- first identified
    PRIMARY KEY (practice_id, id)
);

CREATE TABLE link_visits (                  -- a link serves the appointments of its notice
    practice_id BLOB NOT NULL REFERENCES practices (id),
    link_id BLOB NOT NULL,
    appointment_id BLOB NOT NULL,
    patient_id BLOB NOT NULL,
    revision BIGINT NOT NULL,               -- of the appointment when the link was made
    ordinal BIGINT NOT NULL,                -- "visit 1", "visit 2"
    PRIMARY KEY (practice_id, link_id, appointment_id),
    FOREIGN KEY (practice_id, link_id) REFERENCES links (practice_id, id)
);
CREATE INDEX link_visits_appointment ON link_visits (practice_id, appointment_id);

CREATE TABLE link_guards (                  -- birth dates tried: 5 a link and patient, for life
    practice_id BLOB NOT NULL REFERENCES practices (id),
    link_id BLOB NOT NULL,
    patient_id BLOB NOT NULL,
    failures BIGINT NOT NULL,
    last_failure_at_ms BIGINT,
    succeeded_at_ms BIGINT,
    PRIMARY KEY (practice_id, link_id, patient_id)
);
CREATE INDEX link_guards_recent ON link_guards (practice_id, last_failure_at_ms);

CREATE TABLE patient_guards (               -- … and 10 a patient in 30 days
    practice_id BLOB NOT NULL REFERENCES practices (id),
    patient_id BLOB NOT NULL,
    guard_day BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    PRIMARY KEY (practice_id, patient_id, guard_day)
);

CREATE TABLE practice_alarms (              -- e.g. the birth-date path is stopped
    practice_id BLOB NOT NULL REFERENCES practices (id),
    kind TEXT NOT NULL,
    raised_at_ms BIGINT NOT NULL,
    lifted_at_ms BIGINT,
    lifted_by BLOB,
    PRIMARY KEY (practice_id, kind, raised_at_ms)
);

CREATE TABLE patient_sessions (             -- level 1 and above; level 0 is a sealed cookie without a row
    practice_id BLOB NOT NULL REFERENCES practices (id),
    id BLOB NOT NULL,
    token_hash BLOB NOT NULL UNIQUE,
    link_id BLOB NOT NULL,
    patient_id BLOB NOT NULL,
    created_at_ms BIGINT NOT NULL,          -- wall
    seen_at_ms BIGINT NOT NULL,             -- wall
    ended_at_ms BIGINT,
    PRIMARY KEY (practice_id, id)
);

CREATE TABLE patient_devices (              -- remembered by an earlier level 1
    practice_id BLOB NOT NULL REFERENCES practices (id),
    patient_id BLOB NOT NULL,
    token_hash BLOB NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    PRIMARY KEY (practice_id, patient_id, token_hash)
);

CREATE TABLE used_nonces (                  -- a form can be sent once
    practice_id BLOB NOT NULL REFERENCES practices (id),
    nonce_hash BLOB NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    PRIMARY KEY (practice_id, nonce_hash)
);

CREATE TABLE answers (                      -- every answer ever given; the last one also stands in appointments
    practice_id BLOB NOT NULL REFERENCES practices (id),
    id BLOB NOT NULL,
    appointment_id BLOB NOT NULL,
    revision BIGINT NOT NULL,
    answer TEXT NOT NULL,
    via TEXT NOT NULL,
    link_id BLOB,
    staff_id BLOB,
    private BLOB,
    rev BIGINT NOT NULL DEFAULT 1,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (practice_id, id)
);
CREATE INDEX answers_appointment ON answers (practice_id, appointment_id, at_ms);

CREATE TABLE requests (                     -- another time, in words of choice
    practice_id BLOB NOT NULL REFERENCES practices (id),
    id BLOB NOT NULL,
    appointment_id BLOB NOT NULL,
    patient_id BLOB NOT NULL,
    kind TEXT NOT NULL,                     -- another-time
    private BLOB NOT NULL,
    rev BIGINT NOT NULL,
    state TEXT NOT NULL,                    -- open | done | withdrawn
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (practice_id, id)
);
CREATE INDEX requests_open ON requests (practice_id, at_ms) WHERE state = 'open';

CREATE TABLE tasks (                        -- "Needs you"
    practice_id BLOB NOT NULL REFERENCES practices (id),
    id BLOB NOT NULL,
    kind TEXT NOT NULL,                     -- reply | opt-out-ask | wrong-number | urgent | reschedule | undelivered | uncertain | …
    appointment_id BLOB,
    subject_id BLOB,                        -- the inbound text, request or notice it is about
    state TEXT NOT NULL,                    -- open | done
    created_at_ms BIGINT NOT NULL,
    done_at_ms BIGINT,
    done_by BLOB,
    PRIMARY KEY (practice_id, id)
);
CREATE INDEX tasks_open ON tasks (practice_id, created_at_ms) WHERE state = 'open';

CREATE TABLE staff (
    practice_id BLOB NOT NULL REFERENCES practices (id),
    id BLOB NOT NULL,
    private BLOB NOT NULL,
    rev BIGINT NOT NULL,
    email_bix BLOB NOT NULL,
    role TEXT NOT NULL,                     -- front-desk | clinician | manager | administrator
    kdf TEXT NOT NULL,                      -- JSON: algorithm, salt, cost of the browser's derivation
    verifier BLOB NOT NULL,                -- of the sign-in branch; the server never sees the password
    locale TEXT NOT NULL DEFAULT 'en',
    must_change BOOLEAN NOT NULL DEFAULT FALSE,
    left_at_ms BIGINT,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (practice_id, id),
    UNIQUE (practice_id, email_bix)
);

CREATE TABLE staff_sessions (
    practice_id BLOB NOT NULL REFERENCES practices (id),
    id BLOB NOT NULL,
    token_hash BLOB NOT NULL UNIQUE,
    staff_id BLOB NOT NULL,
    created_at_ms BIGINT NOT NULL,          -- wall
    seen_at_ms BIGINT NOT NULL,             -- wall
    ended_at_ms BIGINT,
    PRIMARY KEY (practice_id, id)
);

CREATE TABLE staff_throttles (              -- accounts are slowed down, never locked
    practice_id BLOB NOT NULL REFERENCES practices (id),
    email_bix BLOB NOT NULL,
    failures BIGINT NOT NULL,
    next_at_ms BIGINT NOT NULL,             -- wall
    PRIMARY KEY (practice_id, email_bix)
);

CREATE TABLE audit (                        -- append-only, hash-chained per practice
    practice_id BLOB NOT NULL REFERENCES practices (id),
    seq BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,                  -- wall
    act TEXT NOT NULL,
    actor TEXT NOT NULL,                    -- system | staff:<id> | patient:<id> | link:<id>
    detail TEXT NOT NULL,                   -- canonical JSON of opaque ids and counts
    prev_hash BLOB NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (practice_id, seq)
);

CREATE TABLE chain_heads (                  -- of `audit` and `consents`
    practice_id BLOB NOT NULL REFERENCES practices (id),
    chain TEXT NOT NULL,                    -- audit | consent
    seq BIGINT NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (practice_id, chain)
);

CREATE TABLE sweeps (
    name TEXT PRIMARY KEY,
    lease_token BLOB,
    lease_until_ms BIGINT,                  -- wall
    started_at_ms BIGINT,
    succeeded_at_ms BIGINT,                 -- wall; health reports its age
    failures BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE day_counts (                   -- the report's sums, rebuilt for the days that changed
    practice_id BLOB NOT NULL REFERENCES practices (id),
    local_day BIGINT NOT NULL,
    dimension TEXT NOT NULL,                -- all | practitioner | location | weekday | hour | lead | channel | answer | visit-type | …
    value TEXT NOT NULL,
    outcome TEXT NOT NULL,                  -- kept | noshow | unknown | cancelled-late | cancelled | cancelled-by-practice
    n BIGINT NOT NULL,
    PRIMARY KEY (practice_id, local_day, dimension, value, outcome)
);
CREATE INDEX day_counts_dimension ON day_counts (practice_id, dimension, local_day, value, outcome, n);

CREATE TABLE dirty_days (                   -- days with visits, and whether their counts must be rebuilt
    practice_id BLOB NOT NULL REFERENCES practices (id),
    local_day BIGINT NOT NULL,
    stamp BIGINT NOT NULL DEFAULT 1,        -- raised with each change, so that a change during the rebuild is not lost
    built BIGINT NOT NULL DEFAULT 0,        -- the stamp that the counts were built from; rows stay, so stamps never repeat
    PRIMARY KEY (practice_id, local_day)
);
CREATE INDEX dirty_days_open ON dirty_days (practice_id, local_day) WHERE stamp > built;

-- What the planner shall believe of sizes until somebody runs ANALYZE. Without it SQLite takes a practice for a handful of
-- rows, and joins bulk rows (json_each) the wrong way round: each row of the practice against each of the bulk. Told here: a large
-- practice, few rows behind a whole key, little behind a partial index. PostgreSQL finds out by itself.
ANALYZE;
DELETE FROM sqlite_stat1;
INSERT INTO sqlite_stat1 (tbl, idx, stat)
SELECT t.name, i.name, CASE WHEN i.partial THEN '20000' ELSE '1000000' END || (
    SELECT group_concat(' ' || CASE
        WHEN c.seqno = (SELECT MAX(seqno) FROM pragma_index_info(i.name)) THEN CASE WHEN i."unique" THEN 1 ELSE 10 END
        WHEN c.seqno = 0 AND c.name = 'practice_id' THEN CASE WHEN i.partial THEN 2000 ELSE 50000 END
        WHEN c.name = 'source_id' THEN 40000
        ELSE 100 END, '')
    FROM pragma_index_info(i.name) AS c)
FROM sqlite_schema AS t, pragma_index_list(t.name) AS i
WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%';
ANALYZE sqlite_schema;
