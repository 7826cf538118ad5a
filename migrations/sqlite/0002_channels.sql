-- What patients wish: a language and a channel of their own, and silence about single visits.

ALTER TABLE patients ADD COLUMN channel TEXT;
ALTER TABLE patients ADD COLUMN locale_own BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE appointments ADD COLUMN muted BOOLEAN NOT NULL DEFAULT FALSE;
