-- +goose Up

-- Tokens that may move a consumer: the one that made it, and those an operator let in. Whoever may manage all consumers
-- needs none.
CREATE TABLE consumer_token (
    connection TEXT COLLATE "C" NOT NULL,
    consumer   TEXT COLLATE "C" NOT NULL,
    token      TEXT COLLATE "C" NOT NULL, -- its ULID
    PRIMARY KEY (connection, consumer, token)
);

-- +goose Down
DROP TABLE consumer_token;
