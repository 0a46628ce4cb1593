package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/duolog/duolog/eventstore"
)

// Erase appends, then destroys keys and raises the key epoch, all behind the head lock that the append takes: no other
// process appends under a key that is gone.
func (t *tx) Erase(ctx context.Context, log eventstore.Log, subjects []string, events ...eventstore.NewEvent,
) ([]eventstore.Appended, error) {
	done, err := t.Append(ctx, log, events...)
	if err != nil {
		return nil, err
	}
	rows := make([][]any, 0, len(subjects))
	for _, subject := range distinct(subjects) {
		rows = append(rows, []any{log.Connection(), subject, t.store.opts.MasterKey.ID(), []byte(nil)})
	}
	op := InsertSubjects
	op.Mode = eventstore.Upsert
	if err := t.Bulk(ctx, op, rows); err != nil {
		return nil, fmt.Errorf("destroy keys: %w", err)
	}
	return done, t.raiseEpoch(ctx, log)
}

// Revive appends, then makes new keys behind the same lock.
func (t *tx) Revive(ctx context.Context, log eventstore.Log, subjects []string, events ...eventstore.NewEvent,
) ([]eventstore.Appended, error) {
	done, err := t.Append(ctx, log, events...)
	if err != nil || len(done) == 0 {
		return done, err
	}
	l, _ := log.(*Log) // it was appended to
	since := done[len(done)-1].Position
	for _, subject := range distinct(subjects) {
		made := l.vault.generate(subject)
		_, err = t.Exec(ctx, `UPDATE subject_key SET master_id = $1, wrapped = $2, since = $3
			WHERE connection = $4 AND subject = $5 AND wrapped IS NULL`,
			made.row.MasterID, made.row.Wrapped, since, log.Connection(), subject)
		if err != nil {
			return nil, fmt.Errorf("make new keys: %w", err)
		}
	}
	return done, t.raiseEpoch(ctx, log)
}

// raiseEpoch has every process forget the keys it holds; this one once it is committed, for until then the epoch is
// not the log's.
func (t *tx) raiseEpoch(ctx context.Context, log eventstore.Log) error {
	l, ok := log.(*Log)
	if !ok {
		return fmt.Errorf("log %s belongs to another store", log.Connection())
	}
	rows, err := t.Query(ctx, "UPDATE log_head SET key_epoch = key_epoch + 1 WHERE connection = $1 RETURNING key_epoch",
		log.Connection())
	epochs, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (n int64, err error) { return n, r.Scan(&n) })
	if err != nil {
		return fmt.Errorf("raise the key epoch of %s: %w", log.Connection(), err)
	}
	t.after = append(t.after, func() { l.vault.sawEpoch(slices.Max(epochs)) })
	return nil
}

func distinct(subjects []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(subjects)))
}

// Scrub has the database's files let go of what is no longer there.
func (s *Store) Scrub(ctx context.Context, tables ...string) error {
	return s.whileOpen(func() error { return s.driver.Scrub(ctx, tables) })
}
