-- +goose Up

-- How the database came to be, when it is not Duolog's own work alone: no row otherwise.
CREATE TABLE transfer (
    state      TEXT   NOT NULL PRIMARY KEY,     -- filling: not whole yet; filled: rows are there; backup: of no service
    at         BIGINT NOT NULL                  -- when the source was looked at last, µs UTC
);

-- A log that went on in another database takes no more events.
ALTER TABLE log_head ADD COLUMN closed BIGINT NOT NULL DEFAULT 0;

-- +goose StatementBegin
CREATE FUNCTION duolog_closed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'log is closed';
END
$$;
-- +goose StatementEnd

CREATE TRIGGER log_head_closed BEFORE UPDATE OF position ON log_head
    FOR EACH ROW WHEN (OLD.closed = 1) EXECUTE FUNCTION duolog_closed();

-- +goose Down
DROP TRIGGER log_head_closed ON log_head;
DROP FUNCTION duolog_closed();
ALTER TABLE log_head DROP COLUMN closed;
DROP TABLE transfer;
