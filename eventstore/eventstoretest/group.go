package eventstoretest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/duolog/duolog/eventstore"
)

var groupTests = map[string]func(*testing.T, *fixture){
	"LosersFailAlone":  testLosersFailAlone,
	"ShareTransaction": testShareTransaction,
	"EmptyAppend":      testEmptyAppend,
}

// Among fifty concurrent appends each of a few loses for a reason of its own; every other one is stored.
func testLosersFailAlone(t *testing.T, f *fixture) {
	_, log := f.log(t)
	used := event("contact/1")
	mustAppend(t, log, used, event("hubspot/contact/9"))
	other := used
	other.Data = []byte(`{"other":true}`)
	losers := map[int]struct {
		batch []eventstore.NewEvent
		want  error
	}{
		7:  {[]eventstore.NewEvent{event("hubspot/contact/7"), expecting("hubspot/contact/9", 1)}, eventstore.ErrExpectation},
		19: {[]eventstore.NewEvent{event("hubspot/contact/19"), other}, eventstore.ErrDedupeMismatch},
		33: {[]eventstore.NewEvent{event("hubspot/contact/33"), event("nul\x00")}, eventstore.ErrInvalid},
	}
	const rounds, callers = 4, 50
	for round := range rounds {
		var work sync.WaitGroup
		for i := range callers {
			work.Go(func() {
				if loser, ok := losers[i]; ok {
					_, err := log.Append(t.Context(), loser.batch...)
					wantError(t, fmt.Sprintf("round %d, caller %d", round, i), err, loser.want)
					return
				}
				appendAndCheck(t.Context(), t, log, events(fmt.Sprintf("hubspot/contact/%d", i), 1+i%3))
			})
		}
		work.Wait()
	}
	stored := int64(2)
	for i := range callers {
		if _, ok := losers[i]; !ok {
			stored += rounds * int64(1+i%3)
		}
	}
	wantDense(t, log, stored)
}

// While one commit is held back, others' appends gather; let go, they share transactions.
func testShareTransaction(t *testing.T, f *fixture) {
	const callers = 200
	store, log := f.log(t)
	mustAppend(t, log, event("hubspot/contact/1"))
	var work, started sync.WaitGroup
	started.Add(callers)
	err := store.InTx(t.Context(), func(tx eventstore.Tx) error {
		if _, err := tx.Exec(t.Context(), "UPDATE log_head SET position = position"); err != nil {
			return err
		}
		for range callers {
			work.Go(func() {
				e := event("hubspot/contact/1")
				started.Done()
				if _, err := log.Append(t.Context(), e); err != nil {
					t.Errorf("append: %v", err)
				}
			})
		}
		started.Wait()
		return nil
	})
	if err != nil {
		t.Fatalf("hold the head: %v", err)
	}
	work.Wait()
	wantDense(t, log, callers+1)
	if store.Backend() == backendPostgres {
		// xmin is the transaction that stored a row.
		if n := f.rawInt(t, "SELECT COUNT(DISTINCT xmin::text) FROM event"); n > callers/2 {
			t.Errorf("%d appends took %d transactions", callers, n)
		}
	}
}

func testEmptyAppend(t *testing.T, f *fixture) {
	_, log := f.log(t)
	if got := mustAppend(t, log); len(got) != 0 {
		t.Errorf("an append of nothing gave %v", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := log.Append(ctx, event("hubspot/contact/1")); !errors.Is(err, context.Canceled) {
		t.Errorf("an append for a caller who has left: %v", err)
	}
}
