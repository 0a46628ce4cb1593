-- +goose Up
-- Rebuilds under way, for whoever looks at one or steers it from another process. Which rows are whose is not said here:
-- a rebuild goes on from the checkpoint its version has.
CREATE TABLE rebuild (
  connection TEXT    NOT NULL,
  name       TEXT COLLATE "C" NOT NULL, -- of the projection
  version    BIGINT  NOT NULL, -- that is filled
  paused     BIGINT  NOT NULL, -- 1: rests until a person lets it go on
  diff       BIGINT  NOT NULL, -- 1: compared before it is swapped in, by whoever asked for that
  run_at     BIGINT  NOT NULL, -- when whoever fills it began to, µs UTC
  run_from   BIGINT  NOT NULL, -- and at which position
  reached    BIGINT  NOT NULL, -- folded so far; some of it may not be written yet
  beat_at    BIGINT  NOT NULL, -- last sign of life; 0: nobody fills it
  PRIMARY KEY (connection, name)
);

-- +goose Down
DROP TABLE rebuild;
