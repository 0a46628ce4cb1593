-- +goose Up
-- Named readers of a log: what they read and how far they have come. A reader's checkpoint lies in its partitions, of
-- which a record is always in the same one; each is leased to one member at a time.
CREATE TABLE consumer (
  connection TEXT    NOT NULL,
  name       TEXT    NOT NULL,
  kind       TEXT    NOT NULL, -- group, sql or forward
  filter     TEXT    NOT NULL, -- JSON
  lease      INTEGER NOT NULL, -- how long a silent member keeps its partitions, µs
  log_id     BLOB    NOT NULL, -- of the log the positions are in,
  generation INTEGER NOT NULL, -- and its generation
  epoch      INTEGER NOT NULL, -- raised whenever partitions change hands
  created_at INTEGER NOT NULL, -- µs UTC
  PRIMARY KEY (connection, name)
) STRICT;

CREATE TABLE consumer_partition (
  connection TEXT    NOT NULL,
  consumer   TEXT    NOT NULL,
  partition  INTEGER NOT NULL,
  position   INTEGER NOT NULL, -- everything up to it is handled
  member     TEXT    NOT NULL, -- who handles it, empty: nobody
  epoch      INTEGER NOT NULL, -- since which epoch of the consumer
  advanced_at INTEGER NOT NULL,
  PRIMARY KEY (connection, consumer, partition)
) STRICT;

-- A member shows that it lives by raising its beat. Clocks are never compared.
CREATE TABLE consumer_member (
  connection TEXT    NOT NULL,
  consumer   TEXT    NOT NULL,
  member     TEXT    NOT NULL,
  beat       INTEGER NOT NULL,
  polled_at  INTEGER NOT NULL, -- for people
  PRIMARY KEY (connection, consumer, member)
) STRICT;

-- Events a consumer could not handle, put aside.
CREATE TABLE consumer_parked (
  connection TEXT    NOT NULL,
  consumer   TEXT    NOT NULL,
  position   INTEGER NOT NULL,
  partition  INTEGER NOT NULL,
  reason     TEXT    NOT NULL,
  attempts   INTEGER NOT NULL, -- how often it was parked
  again      INTEGER NOT NULL, -- 1: to be delivered again
  parked_at  INTEGER NOT NULL,
  PRIMARY KEY (connection, consumer, position)
) STRICT;

-- +goose Down
DROP TABLE consumer_parked;
DROP TABLE consumer_member;
DROP TABLE consumer_partition;
DROP TABLE consumer;
