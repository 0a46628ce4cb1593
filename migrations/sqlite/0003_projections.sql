-- +goose Up
-- Where each projection stands. A version is one filling of its tables; fold is the number of the code that fills it.
CREATE TABLE projection (
  connection TEXT    NOT NULL,
  name       TEXT    NOT NULL,
  version    INTEGER NOT NULL,
  fold       INTEGER NOT NULL,
  position   INTEGER NOT NULL,
  state      TEXT    NOT NULL, -- live, building or old
  started_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL, -- last advance
  polled_at  INTEGER NOT NULL, -- last look at the log
  PRIMARY KEY (connection, name, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE projection_live (
  connection TEXT    NOT NULL,
  name       TEXT    NOT NULL,
  version    INTEGER NOT NULL,
  PRIMARY KEY (connection, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE parked (
  connection TEXT    NOT NULL,
  projection TEXT    NOT NULL,
  version    INTEGER NOT NULL,
  position   INTEGER NOT NULL,
  key        TEXT    NOT NULL,
  error      TEXT    NOT NULL, -- holds no personal value
  attempts   INTEGER NOT NULL,
  parked_at  INTEGER NOT NULL,
  PRIMARY KEY (connection, projection, version, position)
) STRICT, WITHOUT ROWID;

-- The rows a rebuild is measured against.
CREATE TABLE projection_bench (
  connection TEXT    NOT NULL,
  version    INTEGER NOT NULL,
  position   INTEGER NOT NULL,
  body       BLOB    NOT NULL,
  PRIMARY KEY (connection, version, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE contact (
  connection TEXT    NOT NULL,
  version    INTEGER NOT NULL,
  contact    TEXT    NOT NULL,
  status     TEXT    NOT NULL,
  alias_of   TEXT    NOT NULL,
  body       TEXT    NOT NULL, -- members, fields and head as JSON: references and words, no values
  pending    INTEGER NOT NULL,
  apart      INTEGER NOT NULL,
  held       INTEGER NOT NULL,
  failing    INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  position   INTEGER NOT NULL,
  PRIMARY KEY (connection, version, contact)
) STRICT;
CREATE INDEX contact_status ON contact (connection, version, status, contact);
CREATE INDEX contact_alias ON contact (connection, version, alias_of) WHERE alias_of <> '';

CREATE TABLE contact_record (
  connection TEXT    NOT NULL,
  version    INTEGER NOT NULL,
  record     TEXT    NOT NULL,
  contact    TEXT    NOT NULL,
  link       TEXT    NOT NULL,
  linked_by  INTEGER NOT NULL, -- position of the input that decided the link
  linked_at  INTEGER NOT NULL, -- position of the decision
  body       BLOB    NOT NULL, -- values, sealed under the record's key
  position   INTEGER NOT NULL,
  PRIMARY KEY (connection, version, record)
) STRICT;

-- Fields that are not in step; one that is has no row.
CREATE TABLE contact_field (
  connection TEXT    NOT NULL,
  version    INTEGER NOT NULL,
  contact    TEXT    NOT NULL,
  field      TEXT    NOT NULL,
  state      TEXT    NOT NULL,
  reason     TEXT    NOT NULL,
  position   INTEGER NOT NULL,
  PRIMARY KEY (connection, version, contact, field)
) STRICT, WITHOUT ROWID;

CREATE TABLE contact_key (
  connection TEXT    NOT NULL,
  version    INTEGER NOT NULL,
  key        BLOB    NOT NULL,
  record     TEXT    NOT NULL,
  PRIMARY KEY (connection, version, key, record)
) STRICT, WITHOUT ROWID;

-- What the fold needs of each settings version; position is its act's.
CREATE TABLE contact_policy (
  connection TEXT    NOT NULL,
  version    INTEGER NOT NULL,
  position   INTEGER NOT NULL,
  body       TEXT    NOT NULL,
  PRIMARY KEY (connection, version, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE history_entry (
  connection TEXT    NOT NULL,
  version    INTEGER NOT NULL,
  owner      TEXT    NOT NULL, -- a record's stream, contact/<ulid> or connection
  position   INTEGER NOT NULL,
  type       TEXT    NOT NULL,
  input      INTEGER NOT NULL, -- position of the input that caused it, 0 for none
  PRIMARY KEY (connection, version, owner, position)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE history_entry;
DROP TABLE contact_policy;
DROP TABLE contact_key;
DROP TABLE contact_field;
DROP TABLE contact_record;
DROP TABLE contact;
DROP TABLE projection_bench;
DROP TABLE parked;
DROP TABLE projection_live;
DROP TABLE projection;
