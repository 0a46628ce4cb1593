-- +goose Up

-- The end of each connection's log. Its row is locked to append, so positions are dense and in commit order.
CREATE TABLE log_head (
    connection  TEXT    NOT NULL PRIMARY KEY,
    log_id      BLOB    NOT NULL,               -- ULID, 16 bytes
    generation  INTEGER NOT NULL,               -- raised by every restore
    position    INTEGER NOT NULL,               -- of the last event
    recorded_at INTEGER NOT NULL,               -- of the last event, µs UTC
    key_epoch   INTEGER NOT NULL,               -- raised when a subject key is destroyed
    demo        INTEGER NOT NULL DEFAULT 0,     -- 1: made by the demo
    master_id   TEXT    NOT NULL,               -- which master key wraps secret
    secret      BLOB    NOT NULL                -- the connection's secret, wrapped
) STRICT, WITHOUT ROWID;

-- Without rowids: a rowid would be one more key by which INSERT OR REPLACE removes rows.
CREATE TABLE event (
    connection  TEXT    NOT NULL,
    position    INTEGER NOT NULL,
    id          BLOB    NOT NULL,               -- ULID, 16 bytes
    stream      TEXT    NOT NULL,
    type        TEXT    NOT NULL,
    schema      INTEGER NOT NULL,
    occurred_at INTEGER NOT NULL,               -- µs UTC, 0: as recorded_at
    recorded_at INTEGER NOT NULL,               -- µs UTC
    actor       TEXT    NOT NULL,
    causation   INTEGER NOT NULL,               -- position of the input, 0: none
    subject     TEXT    NOT NULL,               -- whose key seals data
    data        BLOB    NOT NULL,               -- nonce and AES-256-GCM ciphertext
    key_hash    BLOB    NOT NULL,               -- SHA-256 of the event's key
    hash        BLOB    NOT NULL,               -- SHA-256 of envelope, data and key_hash
    PRIMARY KEY (connection, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX event_stream ON event (connection, stream, position);

-- Dedupe keys, unique for ever.
CREATE TABLE append_key (
    connection TEXT    NOT NULL,
    key        BLOB    NOT NULL,
    position   INTEGER NOT NULL,
    PRIMARY KEY (connection, key)
) STRICT, WITHOUT ROWID;

-- The key of each subject, wrapped by the master key. An erased subject keeps its row with wrapped NULL.
CREATE TABLE subject_key (
    connection TEXT NOT NULL,
    subject    TEXT NOT NULL,
    master_id  TEXT NOT NULL,
    wrapped    BLOB,
    PRIMARY KEY (connection, subject)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER event_no_update BEFORE UPDATE ON event
BEGIN
    SELECT RAISE(ABORT, 'events are immutable');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER event_no_delete BEFORE DELETE ON event
BEGIN
    SELECT RAISE(ABORT, 'events are immutable');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER append_key_no_update BEFORE UPDATE ON append_key
BEGIN
    SELECT RAISE(ABORT, 'dedupe keys are immutable');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER append_key_no_delete BEFORE DELETE ON append_key
BEGIN
    SELECT RAISE(ABORT, 'dedupe keys are immutable');
END;
-- +goose StatementEnd

-- INSERT OR REPLACE removes a row without a word to the triggers above, unless the connection asks for that.
-- +goose StatementBegin
CREATE TRIGGER event_no_replace BEFORE INSERT ON event
WHEN EXISTS (SELECT 1 FROM event WHERE connection = NEW.connection AND position = NEW.position)
BEGIN
    SELECT RAISE(ABORT, 'position is taken: events are immutable');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER append_key_no_replace BEFORE INSERT ON append_key
WHEN EXISTS (SELECT 1 FROM append_key WHERE connection = NEW.connection AND key = NEW.key)
BEGIN
    SELECT RAISE(ABORT, 'dedupe key is taken: dedupe keys are immutable');
END;
-- +goose StatementEnd
