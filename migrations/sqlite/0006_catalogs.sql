-- +goose Up
-- Entries of catalogs, deals excepted. Rows hold no personal value but sealed or blind.
CREATE TABLE catalog_entry (
  connection TEXT    NOT NULL,
  version    INTEGER NOT NULL,
  catalog    TEXT    NOT NULL, -- system/name
  id         TEXT    NOT NULL, -- the system's own
  hubspot    TEXT    NOT NULL, -- of an entry of Aloware: the HubSpot entry it stands for, as a person declared
  match_key  BLOB    NOT NULL, -- blind: a person's email, or else the label
  subject    TEXT    NOT NULL, -- whose key seals body
  body       BLOB    NOT NULL,
  first_at   INTEGER NOT NULL, -- clocks, µs UTC
  changed_at INTEGER NOT NULL,
  gone_at    INTEGER NOT NULL, -- 0: it is there
  position   INTEGER NOT NULL, -- of its last fact
  PRIMARY KEY (connection, version, catalog, id)
) STRICT;
CREATE INDEX catalog_entry_match ON catalog_entry (connection, version, catalog, match_key);

-- A deal with each record it is about; its own stream stands in for a record it has none of.
CREATE TABLE catalog_deal (
  connection TEXT    NOT NULL,
  version    INTEGER NOT NULL,
  record     TEXT    NOT NULL,
  deal       TEXT    NOT NULL,
  body       BLOB    NOT NULL, -- sealed under the record's key
  first_at   INTEGER NOT NULL,
  changed_at INTEGER NOT NULL,
  gone_at    INTEGER NOT NULL,
  position   INTEGER NOT NULL,
  PRIMARY KEY (connection, version, record, deal)
) STRICT;
CREATE INDEX catalog_deal_deal ON catalog_deal (connection, version, deal);

-- The last run of each pull.
CREATE TABLE catalog_pull (
  connection  TEXT    NOT NULL,
  version     INTEGER NOT NULL,
  name        TEXT    NOT NULL, -- as people call it: lead-statuses
  operation   TEXT    NOT NULL, -- ULID of the run started last
  actor       TEXT    NOT NULL,
  started_at  INTEGER NOT NULL,
  ended_at    INTEGER NOT NULL, -- of the run that ended last
  done_at     INTEGER NOT NULL, -- of the run that ended well last
  failure     TEXT    NOT NULL, -- of the run that ended last; empty: it went well
  body        TEXT    NOT NULL, -- its counts as JSON
  PRIMARY KEY (connection, version, name)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE catalog_pull;
DROP TABLE catalog_deal;
DROP TABLE catalog_entry;
