-- +goose Up

-- Tokens that may move a consumer: the one that made it, and those an operator let in. Whoever may manage all consumers
-- needs none.
CREATE TABLE consumer_token (
    connection TEXT NOT NULL,
    consumer   TEXT NOT NULL,
    token      TEXT NOT NULL, -- its ULID
    PRIMARY KEY (connection, consumer, token)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE consumer_token;
