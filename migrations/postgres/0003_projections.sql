-- +goose Up
-- Where each projection stands. A version is one filling of its tables; fold is the number of the code that fills it.
CREATE TABLE projection (
  connection TEXT   NOT NULL,
  name       TEXT COLLATE "C" NOT NULL,
  version    BIGINT NOT NULL,
  fold       BIGINT NOT NULL,
  position   BIGINT NOT NULL,
  state      TEXT   NOT NULL, -- live, building or old
  started_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL, -- last advance
  polled_at  BIGINT NOT NULL, -- last look at the log
  PRIMARY KEY (connection, name, version)
);

CREATE TABLE projection_live (
  connection TEXT   NOT NULL,
  name       TEXT COLLATE "C" NOT NULL,
  version    BIGINT NOT NULL,
  PRIMARY KEY (connection, name)
);

CREATE TABLE parked (
  connection TEXT   NOT NULL,
  projection TEXT   NOT NULL,
  version    BIGINT NOT NULL,
  position   BIGINT NOT NULL,
  key        TEXT COLLATE "C" NOT NULL,
  error      TEXT   NOT NULL, -- holds no personal value
  attempts   BIGINT NOT NULL,
  parked_at  BIGINT NOT NULL,
  PRIMARY KEY (connection, projection, version, position)
);

-- The rows a rebuild is measured against.
CREATE TABLE projection_bench (
  connection TEXT   NOT NULL,
  version    BIGINT NOT NULL,
  position   BIGINT NOT NULL,
  body       BYTEA  NOT NULL,
  PRIMARY KEY (connection, version, position)
);

CREATE TABLE contact (
  connection TEXT   NOT NULL,
  version    BIGINT NOT NULL,
  contact    TEXT COLLATE "C" NOT NULL,
  status     TEXT   NOT NULL,
  alias_of   TEXT   NOT NULL,
  body       TEXT   NOT NULL, -- members, fields and head as JSON: references and words, no values
  pending    BIGINT NOT NULL,
  apart      BIGINT NOT NULL,
  held       BIGINT NOT NULL,
  failing    BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  position   BIGINT NOT NULL,
  PRIMARY KEY (connection, version, contact)
);
-- Not to be taken for the primary key: see outbound_record.
CREATE INDEX contact_status ON contact (status, connection, version, contact);
CREATE INDEX contact_alias ON contact (connection, version, alias_of) WHERE alias_of <> '';

CREATE TABLE contact_record (
  connection TEXT   NOT NULL,
  version    BIGINT NOT NULL,
  record     TEXT COLLATE "C" NOT NULL,
  contact    TEXT COLLATE "C" NOT NULL,
  link       TEXT   NOT NULL,
  linked_by  BIGINT NOT NULL, -- position of the input that decided the link
  linked_at  BIGINT NOT NULL, -- position of the decision
  body       BYTEA  NOT NULL, -- values, sealed under the record's key
  position   BIGINT NOT NULL,
  PRIMARY KEY (connection, version, record)
);

-- Fields that are not in step; one that is has no row.
CREATE TABLE contact_field (
  connection TEXT   NOT NULL,
  version    BIGINT NOT NULL,
  contact    TEXT COLLATE "C" NOT NULL,
  field      TEXT COLLATE "C" NOT NULL,
  state      TEXT   NOT NULL,
  reason     TEXT   NOT NULL,
  position   BIGINT NOT NULL,
  PRIMARY KEY (connection, version, contact, field)
);

CREATE TABLE contact_key (
  connection TEXT   NOT NULL,
  version    BIGINT NOT NULL,
  key        BYTEA  NOT NULL,
  record     TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (connection, version, key, record)
);

-- What the fold needs of each settings version; position is its act's.
CREATE TABLE contact_policy (
  connection TEXT   NOT NULL,
  version    BIGINT NOT NULL,
  position   BIGINT NOT NULL,
  body       TEXT   NOT NULL,
  PRIMARY KEY (connection, version, position)
);

CREATE TABLE history_entry (
  connection TEXT   NOT NULL,
  version    BIGINT NOT NULL,
  owner      TEXT COLLATE "C" NOT NULL, -- a record's stream, contact/<ulid> or connection
  position   BIGINT NOT NULL,
  type       TEXT   NOT NULL,
  input      BIGINT NOT NULL, -- position of the input that caused it, 0 for none
  PRIMARY KEY (connection, version, owner, position)
);

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
