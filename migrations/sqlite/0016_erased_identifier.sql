-- +goose Up

-- Keyed hashes of emails and numbers of people who were erased: a record that shows one joins the erasure.
CREATE TABLE erased_identifier (
    connection TEXT NOT NULL,
    token      TEXT NOT NULL,
    erasure    TEXT NOT NULL, -- ULID of the act that it comes of
    PRIMARY KEY (connection, token, erasure)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE erased_identifier;
