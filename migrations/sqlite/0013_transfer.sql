-- +goose Up

-- How the database came to be, when it is not Duolog's own work alone: no row otherwise.
CREATE TABLE transfer (
    state      TEXT    NOT NULL PRIMARY KEY,    -- filling: not whole yet; filled: rows are there; backup: of no service
    at         INTEGER NOT NULL                 -- when the source was looked at last, µs UTC
) STRICT, WITHOUT ROWID;

-- A log that went on in another database takes no more events.
ALTER TABLE log_head ADD COLUMN closed INTEGER NOT NULL DEFAULT 0;

-- +goose StatementBegin
CREATE TRIGGER log_head_closed BEFORE UPDATE OF position ON log_head WHEN OLD.closed = 1
BEGIN
    SELECT RAISE(ABORT, 'log is closed');
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER log_head_closed;
ALTER TABLE log_head DROP COLUMN closed;
DROP TABLE transfer;
