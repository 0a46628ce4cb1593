-- +goose Up

-- The Merkle tree over each log: the hashes of its nodes in the order they are completed, a row for each batch of
-- events sealed together.
CREATE TABLE tree_hash (
    connection TEXT COLLATE "C" NOT NULL,
    first      BIGINT NOT NULL,                 -- number of the row's first hash, from 0
    size       BIGINT NOT NULL,                 -- events in the tree after this row
    hashes     BYTEA  NOT NULL,                 -- 32 bytes each
    PRIMARY KEY (connection, first)
);

-- Hashes do not compress: do not try.
ALTER TABLE tree_hash ALTER COLUMN hashes SET STORAGE EXTERNAL;

-- Signed heads: what a log held when.
CREATE TABLE tree_head (
    connection TEXT COLLATE "C" NOT NULL,
    size       BIGINT NOT NULL,                 -- events it speaks for
    generation BIGINT NOT NULL,
    note       TEXT   NOT NULL,                 -- the head and its signature, as published
    PRIMARY KEY (connection, size, generation)
);

CREATE TRIGGER tree_hash_immutable BEFORE UPDATE OR DELETE ON tree_hash
    FOR EACH ROW EXECUTE FUNCTION duolog_immutable();
CREATE TRIGGER tree_hash_no_truncate BEFORE TRUNCATE ON tree_hash
    FOR EACH STATEMENT EXECUTE FUNCTION duolog_immutable();
CREATE TRIGGER tree_head_immutable BEFORE UPDATE OR DELETE ON tree_head
    FOR EACH ROW EXECUTE FUNCTION duolog_immutable();
CREATE TRIGGER tree_head_no_truncate BEFORE TRUNCATE ON tree_head
    FOR EACH STATEMENT EXECUTE FUNCTION duolog_immutable();

-- +goose Down
DROP TABLE tree_head;
DROP TABLE tree_hash;
