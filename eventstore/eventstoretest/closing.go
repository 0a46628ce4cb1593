package eventstoretest

import (
	"context"
	"errors"
	"testing"

	"github.com/duolog/duolog/eventstore"
)

// closingTests: a store that closes finishes what has begun and refuses the rest at once, so that a program that
// ends never hangs in it.
var closingTests = map[string]func(*testing.T, *fixture){
	"AClosedStoreRefuses":         testClosedStoreRefuses,
	"ClosingFreesThoseWhoWait":    testClosingFreesThoseWhoWait,
	"ClosingLetsTransactionsEnd":  testClosingLetsTransactionsEnd,
	"ClosingASecondTimeIsNothing": testClosingTwice,
}

func testClosedStoreRefuses(t *testing.T, f *fixture) {
	store, log := f.log(t)
	mustAppend(t, log, event("hubspot/contact/1"))
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	nothing := func(eventstore.Tx) error { return nil }
	for what, call := range map[string]func(context.Context) error{
		"a transaction": func(ctx context.Context) error { return store.InTx(ctx, nothing) },
		"a statement": func(ctx context.Context) error {
			_, err := store.Exec(ctx, "UPDATE log_head SET demo = demo")
			return err
		},
		"a bulk write": func(ctx context.Context) error {
			return store.Bulk(ctx, eventstore.BulkOp{
				Table: "append_key", Key: 1, Columns: []eventstore.Column{{Name: "connection", Kind: eventstore.Text}},
			}, [][]any{{connection}})
		},
		"a query": func(ctx context.Context) error {
			rows, err := store.Query(ctx, "SELECT position FROM log_head")
			_, err = eventstore.Scan(rows, err, func(r eventstore.Rows) (n int64, err error) { return n, r.Scan(&n) })
			return err
		},
		"a snapshot": func(ctx context.Context) error {
			return store.ReadTx(ctx, func(eventstore.Querier) error { return nil })
		},
		"an append": func(ctx context.Context) error {
			_, err := log.Append(ctx, event("hubspot/contact/2"))
			return err
		},
		"a read": func(ctx context.Context) error { _, err := log.Read(ctx, 0, 1); return err },
		"a look at the head": func(ctx context.Context) error {
			_, err := log.Head(ctx)
			return err
		},
		"a new key": func(ctx context.Context) error {
			_, err := log.Vault().Seal(ctx, "hubspot/contact/3", "row", []byte("ann"))
			return err
		},
		"opening a log": func(ctx context.Context) error { _, err := store.Log(ctx, "other"); return err },
	} {
		wantError(t, what+" of a closed store", call(impatient(t)), eventstore.ErrUnavailable)
	}
}

// Whoever waits behind a transaction when the store closes gets its turn or is told; nobody waits for ever.
func testClosingFreesThoseWhoWait(t *testing.T, f *fixture) {
	store := f.open(t)
	begun, end := make(chan struct{}), make(chan struct{})
	first, second, closed := make(chan error, 1), make(chan error, 1), make(chan error, 1)
	go func() {
		first <- store.InTx(soon(t), func(tx eventstore.Tx) error {
			close(begun)
			<-end
			return nil
		})
	}()
	<-begun
	go func() { second <- store.InTx(soon(t), func(eventstore.Tx) error { return nil }) }()
	go func() { closed <- store.Close() }()
	close(end)
	if err := <-second; err != nil && !errors.Is(err, eventstore.ErrUnavailable) {
		t.Errorf("a transaction that waits while the store closes: %v", err)
	}
	if err := <-first; err != nil {
		t.Errorf("a transaction under way while the store closes: %v", err)
	}
	if err := <-closed; err != nil {
		t.Errorf("close: %v", err)
	}
}

func testClosingLetsTransactionsEnd(t *testing.T, f *fixture) {
	store, log := f.log(t)
	closed := make(chan error, 1)
	err := store.InTx(t.Context(), func(tx eventstore.Tx) error {
		go func() { closed <- store.Close() }()
		_, err := tx.Append(t.Context(), log, event("hubspot/contact/1"))
		return err
	})
	if err != nil {
		t.Errorf("a transaction under way while the store closes: %v", err)
	}
	if err := <-closed; err != nil {
		t.Errorf("close: %v", err)
	}
	if n := f.rawInt(t, "SELECT COUNT(*) FROM event"); n != 1 {
		t.Errorf("%d events are stored, want 1", n)
	}
}

func testClosingTwice(t *testing.T, f *fixture) {
	store := f.open(t)
	for range 2 {
		if err := store.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
}
