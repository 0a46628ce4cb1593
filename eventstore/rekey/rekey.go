// Package rekey wraps what a master key wrapped anew, under the one that takes its place. Others may append, read and
// erase meanwhile: the key's file opens both until nothing is left of the old one.
package rekey

import (
	"bytes"
	"context"
	"fmt"

	"github.com/duolog/duolog/eventstore"
)

// page is how many keys are wrapped anew in a transaction.
const page = 200

// Rewrap is the work on one connection; DB, Connection and Key are required.
type Rewrap struct {
	DB         eventstore.DB
	Connection string
	// Key wraps by the new key and opens the old one.
	Key eventstore.MasterKey
	// Progress, when not nil, hears how many keys are done.
	Progress func(done, total int64)
}

// Run wraps the connection's secret and its subjects' keys anew. What was done stays done, so a run that was cut short
// is gone on with. Processes that append learn of it by the head's key epoch.
func (w Rewrap) Run(ctx context.Context) error {
	if err := w.head(ctx); err != nil {
		return fmt.Errorf("wrap the secret of %s anew: %w", w.Connection, err)
	}
	total, err := Left(ctx, w.DB, w.Connection, w.Key.ID())
	if err != nil {
		return err
	}
	for after, done := "", int64(0); ; {
		n, last, err := w.page(ctx, after)
		if err != nil {
			return fmt.Errorf("wrap the keys of %s anew: %w", w.Connection, err)
		}
		after, done = last, done+int64(n)
		if w.Progress != nil {
			w.Progress(min(done, total), total)
		}
		if n < page {
			return nil
		}
	}
}

// Left counts what of a connection another key than the one named wraps.
func Left(ctx context.Context, db eventstore.DB, connection, id string) (n int64, err error) {
	rows, err := db.Query(ctx, `SELECT COUNT(*) + (SELECT COUNT(*) FROM log_head WHERE connection = $1 AND master_id <> $2)
		FROM subject_key WHERE connection = $1 AND master_id <> $2 AND wrapped IS NOT NULL`, connection, id)
	_, err = eventstore.Scan(rows, err, func(r eventstore.Rows) (none struct{}, err error) { return none, r.Scan(&n) })
	if err != nil {
		return 0, fmt.Errorf("count the keys of %s: %w", connection, err)
	}
	return n, nil
}

// row is what a key wrapped.
type row struct {
	name, master string
	wrapped      []byte
}

func scan(r eventstore.Rows) (w row, err error) { return w, r.Scan(&w.name, &w.master, &w.wrapped) }

// head raises the epoch with it: whoever appends reads the key's file again.
func (w Rewrap) head(ctx context.Context) error {
	return w.DB.InTx(ctx, func(tx eventstore.Tx) error {
		rows, err := tx.Query(ctx, "SELECT connection, master_id, secret FROM log_head WHERE connection = $1", w.Connection)
		found, err := eventstore.Scan(rows, err, scan)
		if err != nil || len(found) == 0 || found[0].master == w.Key.ID() {
			return err
		}
		id, wrapped, err := w.anew(eventstore.SecretPurpose(w.Connection), found[0].wrapped)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE log_head SET master_id = $1, secret = $2, key_epoch = key_epoch + 1
			WHERE connection = $3 AND master_id = $4`, id, wrapped, w.Connection, found[0].master)
		return err
	})
}

// page wraps the next keys anew, but for those that were destroyed meanwhile.
func (w Rewrap) page(ctx context.Context, after string) (n int, last string, err error) {
	rows, err := w.DB.Query(ctx, `SELECT subject, master_id, wrapped FROM subject_key WHERE connection = $1 AND subject > $2
		AND master_id <> $3 AND wrapped IS NOT NULL ORDER BY connection, subject LIMIT $4`,
		w.Connection, after, w.Key.ID(), int64(page))
	found, err := eventstore.Scan(rows, err, scan)
	if err != nil || len(found) == 0 {
		return 0, after, err
	}
	anew := make([]row, len(found))
	for i, f := range found {
		id, wrapped, err := w.anew(eventstore.SubjectPurpose(w.Connection, f.name), bytes.Clone(f.wrapped))
		if err != nil {
			return 0, after, err
		}
		anew[i] = row{f.name, id, wrapped}
	}
	err = w.DB.InTx(ctx, func(tx eventstore.Tx) error {
		for i, a := range anew {
			if _, err := tx.Exec(ctx, `UPDATE subject_key SET master_id = $1, wrapped = $2
				WHERE connection = $3 AND subject = $4 AND wrapped = $5`,
				a.master, a.wrapped, w.Connection, a.name, found[i].wrapped); err != nil {
				return err
			}
		}
		return nil
	})
	return len(found), found[len(found)-1].name, err
}

func (w Rewrap) anew(purpose string, wrapped []byte) (id string, out []byte, err error) {
	secret, err := w.Key.Unwrap(purpose, wrapped)
	if err != nil {
		return "", nil, err
	}
	id, out = w.Key.Wrap(purpose, secret)
	return id, out, nil
}
