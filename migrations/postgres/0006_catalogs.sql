-- +goose Up
-- Entries of catalogs, deals excepted. Rows hold no personal value but sealed or blind.
CREATE TABLE catalog_entry (
  connection TEXT   NOT NULL,
  version    BIGINT NOT NULL,
  catalog    TEXT COLLATE "C" NOT NULL, -- system/name
  id         TEXT COLLATE "C" NOT NULL, -- the system's own
  hubspot    TEXT   NOT NULL, -- of an entry of Aloware: the HubSpot entry it stands for, as a person declared
  match_key  BYTEA  NOT NULL, -- blind: a person's email, or else the label
  subject    TEXT   NOT NULL, -- whose key seals body
  body       BYTEA  NOT NULL,
  first_at   BIGINT NOT NULL, -- clocks, µs UTC
  changed_at BIGINT NOT NULL,
  gone_at    BIGINT NOT NULL, -- 0: it is there
  position   BIGINT NOT NULL, -- of its last fact
  PRIMARY KEY (connection, version, catalog, id)
);
CREATE INDEX catalog_entry_match ON catalog_entry (connection, version, catalog, match_key);

-- A deal with each record it is about; its own stream stands in for a record it has none of.
CREATE TABLE catalog_deal (
  connection TEXT   NOT NULL,
  version    BIGINT NOT NULL,
  record     TEXT COLLATE "C" NOT NULL,
  deal       TEXT COLLATE "C" NOT NULL,
  body       BYTEA  NOT NULL, -- sealed under the record's key
  first_at   BIGINT NOT NULL,
  changed_at BIGINT NOT NULL,
  gone_at    BIGINT NOT NULL,
  position   BIGINT NOT NULL,
  PRIMARY KEY (record, connection, version, deal)
);
CREATE INDEX catalog_deal_deal ON catalog_deal (deal, connection, version);

-- The last run of each pull.
CREATE TABLE catalog_pull (
  connection  TEXT   NOT NULL,
  version     BIGINT NOT NULL,
  name        TEXT COLLATE "C" NOT NULL, -- as people call it: lead-statuses
  operation   TEXT   NOT NULL, -- ULID of the run started last
  actor       TEXT   NOT NULL,
  started_at  BIGINT NOT NULL,
  ended_at    BIGINT NOT NULL, -- of the run that ended last
  done_at     BIGINT NOT NULL, -- of the run that ended well last
  failure     TEXT   NOT NULL, -- of the run that ended last; empty: it went well
  body        TEXT   NOT NULL, -- its counts as JSON
  PRIMARY KEY (connection, version, name)
);

-- +goose Down
DROP TABLE catalog_pull;
DROP TABLE catalog_deal;
DROP TABLE catalog_entry;
