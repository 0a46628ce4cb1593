// Package lease gives a connection to one process at a time. The owner renews its row every second; another process
// takes over once the row has stood still for the time to live, and the epoch it raises fences every transaction of
// the owner before.
//
// Machines' clocks are never compared. A candidate measures by its own monotonic clock how long the row has not
// moved, and the owner counts its five seconds from the moment its last renewal *began*, so the owner stops before
// anyone can take over, whatever the skew. Only on SQLite, where all processes share one machine and its clock, is
// `until` read as a time, which spares a restarted process the wait.
//
// The fence is a row lock held to commit: a take-over waits for transactions that were fenced before it.
package lease

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/duolog/duolog/eventstore"
)

// ErrLost: the connection belongs to another owner, or to nobody.
var ErrLost = errors.New("lease lost")

// How long a lease lives without a renewal, and how often it is renewed.
const (
	TTL   = 5 * time.Second
	Renew = time.Second
)

// margin is kept between the owner's own end and the first moment of a take-over: time for a send that was just
// allowed to leave.
const margin = TTL / 10

// Fence fails with ErrLost unless the connection is still owned under the epoch, and keeps it so until the
// transaction ends. Fences do not wait for one another, nor for renewals.
func Fence(ctx context.Context, tx eventstore.Tx, connection string, epoch int64) error {
	rows, err := tx.Query(ctx, "SELECT epoch FROM lease_fence WHERE connection = $1 AND epoch = $2", connection, epoch)
	held, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (int64, error) {
		var e int64
		return e, r.Scan(&e)
	})
	switch {
	case err != nil:
		return fmt.Errorf("check the lease: %w", err)
	case len(held) == 0:
		return fmt.Errorf("%s, epoch %d: %w", connection, epoch, ErrLost)
	}
	return nil
}

// row is a lease as it stands in the database.
type row struct {
	Owner string
	Epoch int64
	Until int64 // µs UTC by the owner's clock
}

func load(ctx context.Context, db eventstore.DB, connection string) (row, error) {
	rows, err := db.Query(ctx, "SELECT owner, epoch, until FROM lease WHERE connection = $1", connection)
	found, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (row, error) {
		var l row
		return l, r.Scan(&l.Owner, &l.Epoch, &l.Until)
	})
	if err != nil {
		return row{}, fmt.Errorf("read the lease: %w", err)
	}
	if len(found) > 0 {
		return found[0], nil
	}
	return row{}, create(ctx, db, connection)
}

// create makes the row under the epoch 0 that nobody owns.
func create(ctx context.Context, db eventstore.DB, connection string) error {
	err := db.Bulk(ctx, eventstore.BulkOp{
		Mode: eventstore.InsertNew, Table: "lease", Key: 1,
		Columns: []eventstore.Column{
			{Name: "connection", Kind: eventstore.Text},
			{Name: "owner", Kind: eventstore.Text},
			{Name: "epoch", Kind: eventstore.Int},
			{Name: "until", Kind: eventstore.Int},
		},
	}, [][]any{{connection, "", int64(0), int64(0)}})
	if err != nil {
		return fmt.Errorf("make the lease row: %w", err)
	}
	return nil
}

// Owner tells who owns the connection, "" for nobody. It is what the row says: the owner may be gone since.
func Owner(ctx context.Context, db eventstore.DB, connection string) (string, int64, error) {
	l, err := load(ctx, db, connection)
	return l.Owner, l.Epoch, err
}

// Alive tells whether an owner renews the lease: of one that was killed the row says he is there. It takes up to TTL.
func Alive(ctx context.Context, db eventstore.DB, connection string) (bool, error) {
	first, err := load(ctx, db, connection)
	if err != nil || first.Owner == "" {
		return false, err
	}
	look := time.NewTicker(Renew / 4)
	defer look.Stop()
	for end := time.Now().Add(TTL); time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-look.C:
		}
		now, err := load(ctx, db, connection)
		if err != nil || now.Owner == "" {
			return false, err
		}
		if now != first {
			return true, nil
		}
	}
	return false, nil
}
