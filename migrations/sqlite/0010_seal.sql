-- +goose Up

-- The Merkle tree over each log: the hashes of its nodes in the order they are completed, a row for each batch of
-- events sealed together.
CREATE TABLE tree_hash (
    connection TEXT    NOT NULL,
    first      INTEGER NOT NULL,                -- number of the row's first hash, from 0
    size       INTEGER NOT NULL,                -- events in the tree after this row
    hashes     BLOB    NOT NULL,                -- 32 bytes each
    PRIMARY KEY (connection, first)
) STRICT, WITHOUT ROWID;

-- Signed heads: what a log held when.
CREATE TABLE tree_head (
    connection TEXT    NOT NULL,
    size       INTEGER NOT NULL,                -- events it speaks for
    generation INTEGER NOT NULL,
    note       TEXT    NOT NULL,                -- the head and its signature, as published
    PRIMARY KEY (connection, size, generation)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER tree_hash_no_update BEFORE UPDATE ON tree_hash
BEGIN
    SELECT RAISE(ABORT, 'hashes of the tree are immutable');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER tree_hash_no_delete BEFORE DELETE ON tree_hash
BEGIN
    SELECT RAISE(ABORT, 'hashes of the tree are immutable');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER tree_head_no_update BEFORE UPDATE ON tree_head
BEGIN
    SELECT RAISE(ABORT, 'signed heads are immutable');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER tree_head_no_delete BEFORE DELETE ON tree_head
BEGIN
    SELECT RAISE(ABORT, 'signed heads are immutable');
END;
-- +goose StatementEnd

-- INSERT OR REPLACE removes a row without a word to the triggers above, unless the connection asks for that.
-- +goose StatementBegin
CREATE TRIGGER tree_hash_no_replace BEFORE INSERT ON tree_hash
WHEN EXISTS (SELECT 1 FROM tree_hash WHERE connection = NEW.connection AND first = NEW.first)
BEGIN
    SELECT RAISE(ABORT, 'already sealed: hashes of the tree are immutable');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER tree_head_no_replace BEFORE INSERT ON tree_head
WHEN EXISTS (SELECT 1 FROM tree_head
             WHERE connection = NEW.connection AND size = NEW.size AND generation = NEW.generation)
BEGIN
    SELECT RAISE(ABORT, 'already signed: signed heads are immutable');
END;
-- +goose StatementEnd

-- +goose Down
DROP TABLE tree_head;
DROP TABLE tree_hash;
