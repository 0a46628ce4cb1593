-- +goose Up

-- Keyed hashes of emails and numbers of people who were erased: a record that shows one joins the erasure.
CREATE TABLE erased_identifier (
    connection TEXT COLLATE "C" NOT NULL,
    token      TEXT COLLATE "C" NOT NULL,
    erasure    TEXT COLLATE "C" NOT NULL, -- ULID of the act that it comes of
    PRIMARY KEY (connection, token, erasure)
);

-- +goose Down
DROP TABLE erased_identifier;
