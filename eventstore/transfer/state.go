package transfer

import (
	"context"
	"fmt"
	"time"

	"github.com/duolog/duolog/eventstore"
)

// State says what a database is when it is not one of Duolog's own making.
type State string

// The states.
const (
	// Own is a database like any other.
	Own State = ""
	// Filling: rows are still being copied into it.
	Filling State = "filling"
	// Filled: the rows are there, and what makes a service of them is not.
	Filled State = "filled"
	// Recovering: the database was put back to an earlier time, and what has it go on from there is not done.
	Recovering State = "recovering"
	// Backup is kept, and never served.
	Backup State = "backup"
)

// Read tells the state of a database, and when its source was looked at.
func Read(ctx context.Context, db eventstore.DB) (s State, at time.Time, err error) {
	rows, err := db.Query(ctx, "SELECT state, at FROM transfer")
	_, err = eventstore.Scan(rows, err, func(r eventstore.Rows) (none struct{}, err error) {
		var state string
		var micros int64
		err = r.Scan(&state, &micros)
		s, at = State(state), time.UnixMicro(micros).UTC()
		return none, err
	})
	if err != nil {
		return s, at, fmt.Errorf("read what the database is: %w", err)
	}
	return s, at, nil
}

// Set gives a database another state, durably.
func Set(ctx context.Context, db eventstore.DB, s State, at time.Time) error {
	return db.InTx(ctx, func(tx eventstore.Tx) error { return Note(ctx, tx, s, at) })
}

// Note is Set within a transaction.
func Note(ctx context.Context, tx eventstore.Tx, s State, at time.Time) error {
	_, err := tx.Exec(ctx, "DELETE FROM transfer")
	if err == nil && s != Own {
		_, err = tx.Exec(ctx, "INSERT INTO transfer (state, at) VALUES ($1, $2)", string(s), at.UnixMicro())
	}
	if err != nil {
		return fmt.Errorf("say what the database is: %w", err)
	}
	return nil
}

// begin takes an empty database, or one into which a copy was begun.
func (r *run) begin(ctx context.Context) error {
	state, _, err := Read(ctx, r.To)
	if err != nil || state == Filling {
		return err
	}
	if err := Empty(ctx, r.To); err != nil {
		return err
	}
	return Set(ctx, r.To, Filling, r.Clock())
}

// Empty returns ErrTarget for a database that holds a log, or is a backup.
func Empty(ctx context.Context, db eventstore.DB) error {
	state, _, err := Read(ctx, db)
	if err != nil {
		return err
	}
	names, err := connections(ctx, db)
	switch {
	case err != nil:
		return err
	case len(names) > 0:
		return fmt.Errorf("%w: it holds the log of connection %s", ErrTarget, names[0])
	case state != Own:
		return fmt.Errorf("%w: it is in state %s", ErrTarget, state)
	}
	return nil
}
