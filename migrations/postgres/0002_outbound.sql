-- +goose Up
-- Planner state: what the planner has seen and decided, foldable from the log alone. A version is one filling; the
-- live one is the row of outbound that says so. Values lie sealed under their record's key, keys as blind tokens.
CREATE TABLE outbound (
  connection TEXT NOT NULL,
  version    BIGINT NOT NULL,
  live       BIGINT NOT NULL, -- 1 for the version the planner works on
  position   BIGINT NOT NULL, -- every input up to here was planned
  control    TEXT NOT NULL, -- the connection's own state as JSON: settings, mode, gate
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (connection, version)
);

CREATE TABLE outbound_record (
  connection TEXT NOT NULL,
  version    BIGINT NOT NULL,
  record     TEXT NOT NULL,
  contact    TEXT NOT NULL,
  link       TEXT NOT NULL, -- link state
  meta       TEXT NOT NULL, -- JSON, no personal value
  body       BYTEA NOT NULL, -- what was seen and answered, sealed
  -- Where a table has two ways to a row, each begins with what tells rows apart. Without statistics PostgreSQL takes
  -- any (connection, version) to have one row in forty thousand, and then goes by whichever index comes first.
  PRIMARY KEY (record, connection, version)
);
CREATE INDEX outbound_record_contact ON outbound_record (contact, connection, version);

CREATE TABLE outbound_contact (
  connection TEXT NOT NULL,
  version    BIGINT NOT NULL,
  contact    TEXT NOT NULL,
  dirty      BIGINT NOT NULL, -- 1: planned when the sync opens
  head_at    BIGINT NOT NULL,
  body       TEXT NOT NULL, -- JSON, no personal value
  PRIMARY KEY (connection, version, contact)
);
CREATE INDEX outbound_contact_dirty ON outbound_contact (connection, version, contact) WHERE dirty = 1;

CREATE TABLE outbound_key (
  connection TEXT NOT NULL,
  version    BIGINT NOT NULL,
  key        BYTEA NOT NULL, -- blind token of a match key
  record     TEXT NOT NULL,
  PRIMARY KEY (connection, version, key, record)
);

-- +goose Down
DROP TABLE outbound_key;
DROP TABLE outbound_contact;
DROP TABLE outbound_record;
DROP TABLE outbound;
