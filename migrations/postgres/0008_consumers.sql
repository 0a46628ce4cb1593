-- +goose Up
-- Named readers of a log: what they read and how far they have come. A reader's checkpoint lies in its partitions, of
-- which a record is always in the same one; each is leased to one member at a time.
CREATE TABLE consumer (
  connection TEXT COLLATE "C"  NOT NULL,
  name       TEXT COLLATE "C" NOT NULL,
  kind       TEXT    NOT NULL, -- group, sql or forward
  filter     TEXT    NOT NULL, -- JSON
  lease      BIGINT NOT NULL, -- how long a silent member keeps its partitions, µs
  log_id     BYTEA   NOT NULL, -- of the log the positions are in,
  generation BIGINT NOT NULL, -- and its generation
  epoch      BIGINT NOT NULL, -- raised whenever partitions change hands
  created_at BIGINT NOT NULL, -- µs UTC
  PRIMARY KEY (connection, name)
);

CREATE TABLE consumer_partition (
  connection TEXT COLLATE "C"  NOT NULL,
  consumer   TEXT COLLATE "C" NOT NULL,
  partition  BIGINT NOT NULL,
  position   BIGINT NOT NULL, -- everything up to it is handled
  member     TEXT    NOT NULL, -- who handles it, empty: nobody
  epoch      BIGINT NOT NULL, -- since which epoch of the consumer
  advanced_at BIGINT NOT NULL,
  PRIMARY KEY (connection, consumer, partition)
) WITH (fillfactor = 20);

-- A member shows that it lives by raising its beat. Clocks are never compared.
CREATE TABLE consumer_member (
  connection TEXT COLLATE "C"  NOT NULL,
  consumer   TEXT COLLATE "C" NOT NULL,
  member     TEXT COLLATE "C" NOT NULL,
  beat       BIGINT NOT NULL,
  polled_at  BIGINT NOT NULL, -- for people
  PRIMARY KEY (connection, consumer, member)
) WITH (fillfactor = 20);

-- Events a consumer could not handle, put aside.
CREATE TABLE consumer_parked (
  connection TEXT COLLATE "C"  NOT NULL,
  consumer   TEXT COLLATE "C" NOT NULL,
  position   BIGINT NOT NULL,
  partition  BIGINT NOT NULL,
  reason     TEXT    NOT NULL,
  attempts   BIGINT NOT NULL, -- how often it was parked
  again      BIGINT NOT NULL, -- 1: to be delivered again
  parked_at  BIGINT NOT NULL,
  PRIMARY KEY (connection, consumer, position)
);

-- +goose Down
DROP TABLE consumer_parked;
DROP TABLE consumer_member;
DROP TABLE consumer_partition;
DROP TABLE consumer;
