package seal

import (
	"context"
	"fmt"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/treehead"
)

// Signed is a head and the note that carries it.
type Signed struct {
	treehead.Head
	Note string
}

// List returns the latest signed heads of a connection's log, the latest first.
func List(ctx context.Context, db eventstore.DB, connection string, limit int) ([]Signed, error) {
	rows, err := db.Query(ctx, `SELECT note FROM tree_head WHERE connection = $1
		ORDER BY connection DESC, size DESC, generation DESC LIMIT $2`, connection, int64(limit))
	return heads(rows, err)
}

// Last returns the latest head that speaks for no event after the position; false when there is none.
func Last(ctx context.Context, db eventstore.DB, connection string, position int64) (Signed, bool, error) {
	rows, err := db.Query(ctx, `SELECT note FROM tree_head WHERE connection = $1 AND size <= $2
		ORDER BY connection DESC, size DESC, generation DESC LIMIT 1`, connection, position)
	found, err := heads(rows, err)
	if err != nil || len(found) == 0 {
		return Signed{}, false, err
	}
	return found[0], true, nil
}

// at returns the head of a size and generation; false when there is none.
func at(ctx context.Context, db eventstore.DB, connection string, size, generation int64) (Signed, bool, error) {
	rows, err := db.Query(ctx, `SELECT note FROM tree_head WHERE connection = $1 AND size = $2 AND generation = $3`,
		connection, size, generation)
	found, err := heads(rows, err)
	if err != nil || len(found) == 0 {
		return Signed{}, false, err
	}
	return found[0], true, nil
}

func heads(rows eventstore.Rows, err error) ([]Signed, error) {
	found, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (s Signed, err error) {
		if err := r.Scan(&s.Note); err != nil {
			return s, err
		}
		s.Head, err = treehead.Parse(s.Note)
		return s, err
	})
	if err != nil {
		return nil, fmt.Errorf("read signed heads: %w", err)
	}
	return found, nil
}
