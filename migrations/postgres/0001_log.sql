-- +goose Up

-- The end of each connection's log. Its row is locked to append, so positions are dense and in commit order.
CREATE TABLE log_head (
    connection  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    log_id      BYTEA  NOT NULL,                -- ULID, 16 bytes
    generation  BIGINT NOT NULL,                -- raised by every restore
    position    BIGINT NOT NULL,                -- of the last event
    recorded_at BIGINT NOT NULL,                -- of the last event, µs UTC
    key_epoch   BIGINT NOT NULL,                -- raised when a subject key is destroyed
    demo        BIGINT NOT NULL DEFAULT 0,      -- 1: made by the demo
    master_id   TEXT   NOT NULL,                -- which master key wraps secret
    secret      BYTEA  NOT NULL                 -- the connection's secret, wrapped
) WITH (fillfactor = 10);                       -- updated at each append: leave room to do it in place

CREATE TABLE event (
    connection  TEXT COLLATE "C" NOT NULL,
    position    BIGINT NOT NULL,
    id          BYTEA  NOT NULL,                -- ULID, 16 bytes
    stream      TEXT COLLATE "C" NOT NULL,
    type        TEXT   NOT NULL,
    schema      BIGINT NOT NULL,
    occurred_at BIGINT NOT NULL,                -- µs UTC, 0: as recorded_at
    recorded_at BIGINT NOT NULL,                -- µs UTC
    actor       TEXT   NOT NULL,
    causation   BIGINT NOT NULL,                -- position of the input, 0: none
    subject     TEXT   NOT NULL,                -- whose key seals data
    data        BYTEA  NOT NULL,                -- nonce and AES-256-GCM ciphertext
    key_hash    BYTEA  NOT NULL,                -- SHA-256 of the event's key
    hash        BYTEA  NOT NULL,                -- SHA-256 of envelope, data and key_hash
    PRIMARY KEY (connection, position)
);

-- Ciphertext does not compress: do not try.
ALTER TABLE event ALTER COLUMN data SET STORAGE EXTERNAL;

CREATE INDEX event_stream ON event (connection, stream, position);

-- Dedupe keys, unique for ever.
CREATE TABLE append_key (
    connection TEXT COLLATE "C" NOT NULL,
    key        BYTEA  NOT NULL,
    position   BIGINT NOT NULL,
    PRIMARY KEY (connection, key)
);

-- The key of each subject, wrapped by the master key. An erased subject keeps its row with wrapped NULL.
CREATE TABLE subject_key (
    connection TEXT COLLATE "C" NOT NULL,
    subject    TEXT COLLATE "C" NOT NULL,
    master_id  TEXT   NOT NULL,
    wrapped    BYTEA,
    PRIMARY KEY (connection, subject)
);

-- +goose StatementBegin
CREATE FUNCTION duolog_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is immutable', TG_TABLE_NAME;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER event_immutable BEFORE UPDATE OR DELETE ON event
    FOR EACH ROW EXECUTE FUNCTION duolog_immutable();
CREATE TRIGGER event_no_truncate BEFORE TRUNCATE ON event
    FOR EACH STATEMENT EXECUTE FUNCTION duolog_immutable();
CREATE TRIGGER append_key_immutable BEFORE UPDATE OR DELETE ON append_key
    FOR EACH ROW EXECUTE FUNCTION duolog_immutable();
CREATE TRIGGER append_key_no_truncate BEFORE TRUNCATE ON append_key
    FOR EACH STATEMENT EXECUTE FUNCTION duolog_immutable();
