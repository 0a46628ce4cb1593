-- +goose Up
-- Rebuilds under way, for whoever looks at one or steers it from another process. Which rows are whose is not said here:
-- a rebuild goes on from the checkpoint its version has.
CREATE TABLE rebuild (
  connection TEXT    NOT NULL,
  name       TEXT    NOT NULL, -- of the projection
  version    INTEGER NOT NULL, -- that is filled
  paused     INTEGER NOT NULL, -- 1: rests until a person lets it go on
  diff       INTEGER NOT NULL, -- 1: compared before it is swapped in, by whoever asked for that
  run_at     INTEGER NOT NULL, -- when whoever fills it began to, µs UTC
  run_from   INTEGER NOT NULL, -- and at which position
  reached    INTEGER NOT NULL, -- folded so far; some of it may not be written yet
  beat_at    INTEGER NOT NULL, -- last sign of life; 0: nobody fills it
  PRIMARY KEY (connection, name)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE rebuild;
