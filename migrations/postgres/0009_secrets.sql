-- +goose Up

-- What opens a connection's systems: tokens and secrets people gave to connect, and refresh tokens the systems hand out.
-- Each is sealed under the connection's key.
CREATE TABLE secret (
    connection TEXT COLLATE "C" NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,       -- as in the configuration: hubspot.refresh_token
    sealed     BYTEA  NOT NULL,
    updated_at BIGINT NOT NULL,                 -- µs UTC
    PRIMARY KEY (connection, name)
);

-- +goose Down
DROP TABLE secret;
