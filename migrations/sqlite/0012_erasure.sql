-- +goose Up

-- A record that was erased may be let in again: under a key of its own, for what comes then. Events up to this position
-- were sealed under the key that was destroyed; 0: there was none.
ALTER TABLE subject_key ADD COLUMN since INTEGER NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE subject_key DROP COLUMN since;
