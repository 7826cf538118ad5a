-- What shows that nothing was sent to somebody who had said stop, and webhooks that are acknowledged before they are followed.

ALTER TABLE attempts ADD COLUMN said_at_ms BIGINT;          -- civil, as the ledger's times are; none: made before this column
ALTER TABLE attempts ADD COLUMN consent_seq BIGINT;         -- the ledger's entry that allowed it; none: an answer needs none

ALTER TABLE inbound ADD COLUMN opts_out BOOLEAN NOT NULL DEFAULT FALSE;         -- whatever the intent is
ALTER TABLE inbound ADD COLUMN revision BIGINT;             -- of the visit it answers, when the text came
ALTER TABLE inbound ADD COLUMN gateway_answered BOOLEAN NOT NULL DEFAULT FALSE; -- the carrier confirmed the opt-out already

CREATE INDEX consents_number ON consents (practice_id, bix, channel, seq);
CREATE INDEX inbound_number ON inbound (practice_id, bix, received_at_ms);
CREATE INDEX inbound_waiting ON inbound (practice_id, received_at_ms, id) WHERE NOT applied;
