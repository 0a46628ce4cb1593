package eventstoretest

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/duolog/duolog/eventstore"
)

var durableTests = map[string]func(*testing.T, *fixture){
	"Settings":             testDurableSettings,
	"SeenWithoutClose":     testSeenWithoutClose,
	"AcknowledgedSurvives": testAcknowledgedSurvives,
	"NoAppendInDerived":    testNoAppendInDerived,
}

// The database is told to have it on disk before it says yes, and that what is derived need not wait for that.
func testDurableSettings(t *testing.T, f *fixture) {
	store, _ := f.log(t)
	query, lasting, derived := "SELECT current_setting('synchronous_commit')", []string{"on", "remote_apply"}, "off"
	if store.Backend() == backendSQLite {
		query, lasting, derived = "PRAGMA synchronous", []string{"2", "3"}, "1" // FULL, EXTRA; NORMAL
	}
	setting := func(ctx context.Context, want ...string) {
		err := store.InTx(ctx, func(tx eventstore.Tx) error {
			rows, err := tx.Query(ctx, query)
			got, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (s string, err error) { return s, r.Scan(&s) })
			if err == nil && (len(got) != 1 || !slices.Contains(want, got[0])) {
				t.Errorf("%s says %v, want one of %v", query, got, want)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	setting(t.Context(), lasting...)
	setting(eventstore.Derived(t.Context()), derived)
	setting(t.Context(), lasting...)
}

// What may be lost with the server is never an event, and the mark ends with its transaction.
func testNoAppendInDerived(t *testing.T, f *fixture) {
	store, log := f.log(t)
	err := store.InTx(eventstore.Derived(t.Context()), func(tx eventstore.Tx) error {
		_, err := tx.Append(t.Context(), log, event("hubspot/contact/1"))
		return err
	})
	if err == nil {
		t.Error("an event was appended in a transaction that may be lost")
	}
	err = store.InTx(eventstore.Derived(t.Context()), func(tx eventstore.Tx) error {
		_, err := tx.Exec(t.Context(), "UPDATE log_head SET recorded_at = recorded_at")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	testDurableSettings(t, f)
	wantDense(t, log, 0)
}

func testSeenWithoutClose(t *testing.T, f *fixture) {
	_, log := f.log(t)
	mustAppend(t, log, events("hubspot/contact/1", 3)...)
	_, other := f.log(t)
	wantDense(t, other, 3)
}

// The process dies amid appends: what was acknowledged is there afterwards, whole, and a repetition of what was not
// acknowledged stores each event once.
func testAcknowledgedSurvives(t *testing.T, f *fixture) {
	_, log := f.log(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	enough := make(chan struct{})
	a := &acknowledged{enough: enough, want: 100}
	var work sync.WaitGroup
	for range 8 {
		work.Go(func() { a.appendUntilError(ctx, log) })
	}
	<-enough
	before := a.sofar()
	found := &fixture{Database: f.AfterCrash(t), master: f.master}
	stop()
	work.Wait()

	_, reopened := found.log(t)
	for _, got := range before {
		stored, err := reopened.Get(t.Context(), got.Position)
		if err != nil || len(stored) != 1 || stored[0].ID != got.ID {
			t.Fatalf("the acknowledged position %d is lost: %v, error %v", got.Position, stored, err)
		}
	}
	for _, e := range a.tried {
		mustAppend(t, reopened, e)
	}
	wantDense(t, reopened, int64(len(a.tried)))
}

// acknowledged collects what was appended, and what was said to be.
type acknowledged struct {
	mu     sync.Mutex
	tried  []eventstore.NewEvent
	got    []eventstore.Appended
	want   int
	enough chan struct{}
}

func (a *acknowledged) appendUntilError(ctx context.Context, log eventstore.Log) {
	for {
		e := event("hubspot/contact/1")
		a.mu.Lock()
		a.tried = append(a.tried, e)
		a.mu.Unlock()
		got, err := log.Append(ctx, e)
		if err != nil {
			return
		}
		a.mu.Lock()
		a.got = append(a.got, got...)
		if len(a.got) == a.want {
			close(a.enough)
		}
		a.mu.Unlock()
	}
}

func (a *acknowledged) sofar() []eventstore.Appended {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.got)
}
