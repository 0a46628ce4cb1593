-- +goose Up
-- Which process owns a connection. The epoch rises with every change of owner and fences the one before.
CREATE TABLE lease (
    connection TEXT    NOT NULL,
    owner      TEXT    NOT NULL, -- '' when given back
    epoch      INTEGER NOT NULL,
    until      INTEGER NOT NULL, -- µs UTC by the owner's clock; other machines only look whether it moves
    PRIMARY KEY (connection)
) STRICT;

-- What a transaction reads to be fenced: transactions that write are alone here.
CREATE VIEW lease_fence AS
    SELECT connection, epoch FROM lease WHERE owner <> '';

-- Commands that wait for a system. Operational: a row goes with the outcome or the facts that settle its command.
CREATE TABLE outbox (
    connection TEXT    NOT NULL,
    command    TEXT NOT NULL, -- ULID
    system     TEXT    NOT NULL,
    lane       TEXT    NOT NULL, -- rows of a lane leave in the order (input, command)
    input      INTEGER NOT NULL,
    kind       TEXT    NOT NULL, -- create, update, read, lookup
    contact    TEXT    NOT NULL,
    record     TEXT    NOT NULL, -- the target's id, '' while there is none
    source     TEXT    NOT NULL, -- stream of the record the values come from
    urgent     INTEGER NOT NULL,
    state      TEXT    NOT NULL, -- waiting, sending, dead
    attempts   INTEGER NOT NULL, -- tries that count
    attempt    TEXT    NOT NULL, -- ULID of the last try, '' before the first
    epoch      INTEGER NOT NULL, -- of the owner that made the last try
    deadline   INTEGER NOT NULL, -- µs UTC: when the last try is over, whatever became of it
    next_at    INTEGER NOT NULL, -- µs UTC: not before; while sending, the deadline
    created_at INTEGER NOT NULL,
    subject    TEXT    NOT NULL, -- whose key seals payload
    payload    BLOB    NOT NULL,
    error      TEXT    NOT NULL, -- why the last try failed; holds no personal value
    PRIMARY KEY (connection, command)
) STRICT;
CREATE INDEX outbox_due ON outbox (connection, system, next_at, input, command);
-- Without system, which a lane's name holds: before the table is analysed, two equalities look like one row, and the
-- list of lanes would be a filter over the whole outbox.
CREATE INDEX outbox_lane ON outbox (connection, lane);

-- +goose Down
DROP TABLE outbox;
DROP VIEW lease_fence;
DROP TABLE lease;
