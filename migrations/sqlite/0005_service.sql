-- +goose Up

-- What was not taken in, so that a wrong URL, a wrong secret or a foreign portal never looks like silence. Lines
-- hold no body and no personal value; each connection keeps its last 200 of each kind ('' is the app-wide endpoint).
CREATE TABLE rejected_webhook (
    connection TEXT    NOT NULL,
    kind       TEXT    NOT NULL,                -- rejected, raw, unknown
    id         TEXT    NOT NULL,                -- ULID; of the event, for kind raw
    at         INTEGER NOT NULL,                -- µs UTC
    system     TEXT    NOT NULL,
    status     INTEGER NOT NULL,                -- the HTTP status answered
    reason     TEXT    NOT NULL,
    url        TEXT    NOT NULL,                -- what a signature was checked against
    offered    TEXT    NOT NULL,                -- signature versions or auth schemes, comma separated
    account    TEXT    NOT NULL,
    vendor     TEXT    NOT NULL,
    position   INTEGER NOT NULL,                -- of the event, for kind raw; else 0
    PRIMARY KEY (connection, kind, id)
) STRICT, WITHOUT ROWID;

-- Well-signed items of another portal: never appended, kept sealed under a subject of their own.
CREATE TABLE parked_delivery (
    connection TEXT    NOT NULL,
    key        BLOB    NOT NULL,                -- dedupe key: a redelivery is parked once
    id         TEXT    NOT NULL,                -- ULID
    at         INTEGER NOT NULL,                -- µs UTC
    system     TEXT    NOT NULL,
    account    TEXT    NOT NULL,
    vendor     TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    subject    TEXT    NOT NULL,                -- whose key seals body
    body       BLOB    NOT NULL,
    PRIMARY KEY (connection, key)
) STRICT;

CREATE INDEX parked_delivery_id ON parked_delivery (connection, id);

-- +goose Down
DROP TABLE parked_delivery;
DROP TABLE rejected_webhook;
