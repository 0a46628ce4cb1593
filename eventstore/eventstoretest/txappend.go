package eventstoretest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/duolog/duolog/eventstore"
)

var txAppendTests = map[string]func(*testing.T, *fixture){
	"CommitsWithRows":     testCommitsWithRows,
	"RollsBackWithRows":   testRollsBackWithRows,
	"Losers":              testTxLosers,
	"Twice":               testTxTwice,
	"BesideGroupCommits":  testBesideGroupCommits,
	"AnotherStoresLog":    testAnotherStoresLog,
	"DuplicatesAndEvents": testTxDuplicates,
}

var errOnPurpose = errors.New("on purpose")

// withRows makes a table of the caller's own and opens the log.
func (f *fixture) withRows(t *testing.T) (eventstore.Store, eventstore.Log) {
	t.Helper()
	store, log := f.log(t)
	f.rawExec(t, "CREATE TABLE caller (k BIGINT PRIMARY KEY, v TEXT NOT NULL)")
	return store, log
}

func (f *fixture) callerRows(t *testing.T) int64 {
	t.Helper()
	return f.rawInt(t, "SELECT COUNT(*) FROM caller")
}

func putRow(ctx context.Context, q eventstore.Querier, k int64) error {
	_, err := q.Exec(ctx, "INSERT INTO caller (k, v) VALUES ($1, $2)", k, "row")
	return err
}

func testCommitsWithRows(t *testing.T, f *fixture) {
	store, log := f.withRows(t)
	var got []eventstore.Appended
	batch := events("connection", 2)
	err := store.InTx(t.Context(), func(tx eventstore.Tx) (err error) {
		if err := putRow(t.Context(), tx, 1); err != nil {
			return err
		}
		got, err = tx.Append(t.Context(), log, batch...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Position != 1 || got[1].Position != 2 || got[1].ID != batch[1].ID || got[1].Duplicate {
		t.Errorf("results are %+v", got)
	}
	if f.callerRows(t) != 1 {
		t.Error("the row is not there")
	}
	wantDense(t, log, 2)
}

// A transaction that fails takes rows, events, dedupe keys and the moved head back with it: no hole stays, and the
// same events can be appended afterwards.
func testRollsBackWithRows(t *testing.T, f *fixture) {
	store, log := f.withRows(t)
	mustAppend(t, log, event("hubspot/contact/1"))
	batch := events("hubspot/contact/new", 3)
	err := store.InTx(t.Context(), func(tx eventstore.Tx) error {
		if err := putRow(t.Context(), tx, 1); err != nil {
			return err
		}
		if _, err := tx.Append(t.Context(), log, batch...); err != nil {
			return err
		}
		return errOnPurpose
	})
	wantError(t, "the transaction", err, errOnPurpose)
	if f.callerRows(t) != 0 {
		t.Error("the row stayed")
	}
	wantDense(t, log, 1)
	for i, got := range mustAppend(t, log, batch...) {
		if got.Duplicate || got.Position != int64(i)+2 {
			t.Errorf("the append after the rollback gave %+v", got)
		}
	}
	wantDense(t, log, 4)
	if got := mustRead(t, log, 1, 3); string(got[0].Data) != string(batch[0].Data) {
		t.Error("the data cannot be read back")
	}
}

// An append that loses gives its error, and the caller's rows go with it.
func testTxLosers(t *testing.T, f *fixture) {
	store, log := f.withRows(t)
	used := event("contact/1")
	mustAppend(t, log, used)
	other := used
	other.Data = []byte(`{"other":true}`)
	for want, e := range map[error]eventstore.NewEvent{
		eventstore.ErrExpectation:    expecting("contact/1", 0),
		eventstore.ErrDedupeMismatch: other,
		eventstore.ErrInvalid:        event("nul\x00"),
	} {
		err := store.InTx(t.Context(), func(tx eventstore.Tx) error {
			if err := putRow(t.Context(), tx, 1); err != nil {
				return err
			}
			_, err := tx.Append(t.Context(), log, event("hubspot/contact/1"), e)
			return err
		})
		wantError(t, "the transaction", err, want)
	}
	if f.callerRows(t) != 0 {
		t.Error("a row stayed")
	}
	wantDense(t, log, 1)
}

// Duplicates inside a transaction are answered with the first result and do not fail it.
func testTxDuplicates(t *testing.T, f *fixture) {
	store, log := f.withRows(t)
	old := event("hubspot/contact/1")
	first := mustAppend(t, log, old)[0]
	cold := f.open(t)
	for k, s := range []eventstore.Store{store, cold} {
		l := logOf(t, s, connection)
		err := s.InTx(t.Context(), func(tx eventstore.Tx) error {
			if err := putRow(t.Context(), tx, int64(k)); err != nil {
				return err
			}
			got, err := tx.Append(t.Context(), l, old, event("hubspot/contact/2"))
			if err == nil {
				sameAppend(t, got[0], first)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := f.callerRows(t); n != 2 {
		t.Errorf("%d rows are there, want 2", n)
	}
	wantDense(t, log, 3)
}

func testTxTwice(t *testing.T, f *fixture) {
	store, log := f.log(t)
	other := logOf(t, store, "other")
	e := event("hubspot/contact/1")
	err := store.InTx(t.Context(), func(tx eventstore.Tx) error {
		for range 2 {
			if _, err := tx.Append(t.Context(), log, e, event("hubspot/contact/1")); err != nil {
				return err
			}
		}
		_, err := tx.Append(t.Context(), other, event("hubspot/contact/1"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	wantDense(t, log, 3) // the second e is a duplicate of the first
	wantDense(t, other, 1)
}

// Transactions that append, some of which fail at the last moment, run beside group commits in two processes: rows
// and events agree, and the log has no hole.
func testBesideGroupCommits(t *testing.T, f *fixture) {
	store, log := f.withRows(t)
	second, secondLog := f.log(t)
	stores, logs := []eventstore.Store{store, second}, []eventstore.Log{log, secondLog}
	ctx := soon(t)
	var work sync.WaitGroup
	for w := range 8 {
		work.Go(func() {
			for i := range 10 {
				if w < 4 {
					appendAndCheck(ctx, t, logs[w%2], events("hubspot/contact/1", 2))
					continue
				}
				err := rowAndEvent(ctx, stores[w%2], logs[w%2], int64(w*100+i), i%3 == 0)
				if err != nil && !errors.Is(err, errOnPurpose) {
					t.Errorf("transaction: %v", err)
				}
			}
		})
	}
	work.Wait()
	rows := f.callerRows(t)
	if rows != 4*6 {
		t.Errorf("%d rows are there, want 24", rows)
	}
	wantDense(t, log, 4*10*2+rows)
}

func rowAndEvent(ctx context.Context, store eventstore.Store, log eventstore.Log, k int64, fail bool) error {
	e := event(fmt.Sprintf("contact/%d", k))
	return store.InTx(ctx, func(tx eventstore.Tx) error {
		if err := putRow(ctx, tx, k); err != nil {
			return err
		}
		if _, err := tx.Append(ctx, log, e); err != nil {
			return err
		}
		if fail {
			return errOnPurpose
		}
		return nil
	})
}

// A log of another store would take the lock on another connection, and wait for itself.
func testAnotherStoresLog(t *testing.T, f *fixture) {
	store, _ := f.log(t)
	_, foreign := f.log(t)
	err := store.InTx(t.Context(), func(tx eventstore.Tx) error {
		_, err := tx.Append(t.Context(), foreign, event("hubspot/contact/1"))
		return err
	})
	if err == nil {
		t.Error("a transaction took another store's log")
	}
	wantDense(t, foreign, 0)
}
