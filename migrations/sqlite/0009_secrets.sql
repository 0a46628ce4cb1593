-- +goose Up

-- What opens a connection's systems: tokens and secrets people gave to connect, and refresh tokens the systems hand out.
-- Each is sealed under the connection's key.
CREATE TABLE secret (
    connection TEXT    NOT NULL,
    name       TEXT    NOT NULL,                -- as in the configuration: hubspot.refresh_token
    sealed     BLOB    NOT NULL,
    updated_at INTEGER NOT NULL,                -- µs UTC
    PRIMARY KEY (connection, name)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE secret;
