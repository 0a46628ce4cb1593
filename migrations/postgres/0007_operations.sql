-- +goose Up
-- One-time operations and plans: a projection of their acts, and of the decisions and outcomes they led to.
CREATE TABLE operation (
  connection TEXT    NOT NULL,
  version    BIGINT  NOT NULL,
  operation  TEXT COLLATE "C" NOT NULL, -- ULID of the act that started it
  name       TEXT    NOT NULL,
  plan       TEXT    NOT NULL, -- ULID of the plan it applies; empty: none
  state      TEXT    NOT NULL, -- running, paused, done, failed, cancelled
  actor      TEXT    NOT NULL,
  position   BIGINT  NOT NULL, -- of its start
  started_at BIGINT  NOT NULL, -- µs UTC
  ended_at   BIGINT  NOT NULL, -- 0: not yet
  body       TEXT    NOT NULL, -- reasons and counts as JSON
  PRIMARY KEY (operation, connection, version)
);
CREATE INDEX operation_name ON operation (connection, version, name, position);

-- Which operation the rows decided at a position belong to.
CREATE TABLE operation_page (
  connection TEXT    NOT NULL,
  version    BIGINT  NOT NULL,
  position   BIGINT  NOT NULL,
  operation  TEXT    NOT NULL,
  PRIMARY KEY (position, connection, version)
);

-- Contacts an operation left since they had changed.
CREATE TABLE operation_skipped (
  connection TEXT    NOT NULL,
  version    BIGINT  NOT NULL,
  operation  TEXT COLLATE "C" NOT NULL,
  contact    TEXT COLLATE "C" NOT NULL,
  position   BIGINT  NOT NULL,
  PRIMARY KEY (operation, connection, version, contact)
);

CREATE TABLE operation_plan (
  connection TEXT    NOT NULL,
  version    BIGINT  NOT NULL,
  plan       TEXT COLLATE "C" NOT NULL, -- ULID of the act that made it
  number     BIGINT  NOT NULL,
  state      TEXT    NOT NULL, -- made, applied, discarded
  operation  TEXT    NOT NULL, -- that applied it last; empty: none
  actor      TEXT    NOT NULL,
  position   BIGINT  NOT NULL,
  made_at    BIGINT  NOT NULL,
  body       TEXT    NOT NULL, -- the act's payload
  PRIMARY KEY (plan, connection, version)
);
CREATE INDEX operation_plan_number ON operation_plan (connection, version, number);

-- Rows of plans: operational, of no version. They are inserted with the act that made the plan, and never changed: that
-- act holds their digest.
CREATE TABLE plan_row (
  connection TEXT    NOT NULL,
  plan       TEXT COLLATE "C" NOT NULL,
  n          BIGINT  NOT NULL, -- from 0
  contact    TEXT    NOT NULL,
  digest     TEXT    NOT NULL, -- of the state it was planned from
  what       TEXT    NOT NULL, -- JSON, no personal value
  subject    TEXT    NOT NULL, -- whose key seals sample; empty: none
  sample     BYTEA NOT NULL,
  PRIMARY KEY (plan, connection, n)
);

-- +goose Down
DROP TABLE plan_row;
DROP TABLE operation_plan;
DROP TABLE operation_skipped;
DROP TABLE operation_page;
DROP TABLE operation;
