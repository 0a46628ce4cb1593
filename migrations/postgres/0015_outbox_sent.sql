-- +goose Up

-- How often a command may have been sent without an answer. Tries that count are something else: one that the system did
-- not answer counts for nothing and may have arrived, and one that failed before it was sent counts.
ALTER TABLE outbox ADD COLUMN sent BIGINT NOT NULL DEFAULT 0;
UPDATE outbox SET sent = CASE WHEN attempt = '' THEN 0 ELSE 1 END;

-- +goose Down
ALTER TABLE outbox DROP COLUMN sent;
