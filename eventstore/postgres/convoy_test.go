package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest"
	"github.com/duolog/duolog/eventstore/postgres"
)

// Who holds a lease renews it, whatever appends wait for: neither a statement nor a transaction waits for subject keys
// that it does not need and another process is about to store.
func TestNobodyWaitsForTheKeysOfOthers(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := postgres.Config{URL: eventstoretest.PostgresURL(t), MasterKey: eventstore.NewMasterKey()}
	store, other := open(t, c), open(t, c)
	log, same := eventstoretest.Log(t, store), eventstoretest.Log(t, other)
	appended := make(chan error, 1)
	err := other.InTx(ctx, func(tx eventstore.Tx) error {
		if _, err := tx.Append(ctx, same, eventstoretest.Event("1", "{}")); err != nil {
			return err
		}
		go func() {
			_, err := log.Append(ctx, eventstoretest.Event("1", "{}")) // waits, with a key for the same subject in memory
			appended <- err
		}()
		if err := untilBlocked(ctx, store); err != nil {
			return err
		}
		const renew = "UPDATE lease SET until = 1 WHERE connection = $1"
		if _, err := store.Exec(ctx, renew, "acme"); err != nil {
			return err
		}
		return store.InTx(ctx, func(mine eventstore.Tx) error {
			_, err := mine.Exec(ctx, renew, "acme")
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-appended; err != nil {
		t.Fatal(err)
	}
}

// untilBlocked waits until somebody waits for a lock in the database.
func untilBlocked(ctx context.Context, store eventstore.Store) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		rows, err := store.Query(ctx, `SELECT pid::BIGINT FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock'`)
		waiting, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (pid int64, err error) { return pid, r.Scan(&pid) })
		if err != nil || len(waiting) > 0 {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
