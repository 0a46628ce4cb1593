package eventstoretest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/duolog/duolog/eventstore"
)

var groupTests = map[string]func(*testing.T, *fixture){
	"LosersFailAlone":   testLosersFailAlone,
	"ShareTransaction":  testShareTransaction,
	"KeyTakenElsewhere": testKeyTakenElsewhere,
	"EmptyAppend":       testEmptyAppend,
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
	f.whileHeld(t, store, callers, 1, func(int) {
		if _, err := log.Append(t.Context(), event("hubspot/contact/1")); err != nil {
			t.Errorf("append: %v", err)
		}
	})
	wantDense(t, log, callers+1)
	if store.Backend() == backendPostgres {
		// xmin is the transaction that stored a row.
		if n := f.rawInt(t, "SELECT COUNT(DISTINCT xmin::text) FROM event"); n > callers/2 {
			t.Errorf("%d appends took %d transactions", callers, n)
		}
	}
}

// One of a group brings what another process has stored: it is told so, and its neighbours are stored.
func testKeyTakenElsewhere(t *testing.T, f *fixture) {
	const callers = 20
	store, log := f.log(t)
	_, other := f.log(t)
	mustAppend(t, log, event("hubspot/contact/1"))
	taken := event("hubspot/contact/1")
	first := mustAppend(t, other, taken)[0]
	f.whileHeld(t, store, callers, 1, func(i int) {
		e := event("hubspot/contact/1")
		if i == callers-1 {
			e = taken
		}
		switch got, err := log.Append(soon(t), e); {
		case err != nil:
			t.Errorf("a neighbour: %v", err)
		case i == callers-1:
			sameAppend(t, got[0], first)
		}
	})
	wantDense(t, log, callers+1)
}

// whileHeld keeps the head locked until callers do what needs it, each in a goroutine of its own. Where it can be seen
// how many connections wait for it, it is kept until so many do.
func (f *fixture) whileHeld(t *testing.T, store eventstore.Store, callers, waiting int, do func(i int)) {
	t.Helper()
	var work, started sync.WaitGroup
	started.Add(callers)
	err := store.InTx(t.Context(), func(tx eventstore.Tx) error {
		if _, err := tx.Exec(t.Context(), "UPDATE log_head SET position = position"); err != nil {
			return err
		}
		for i := range callers {
			work.Go(func() {
				started.Done()
				do(i)
			})
		}
		started.Wait()
		for ctx := soon(t); store.Backend() == backendPostgres && ctx.Err() == nil && f.waiting(t) < waiting; {
			runtime.Gosched()
		}
		return nil
	})
	if err != nil {
		t.Errorf("hold the head: %v", err)
	}
	work.Wait()
}

// waiting counts connections that wait for a row.
func (f *fixture) waiting(t *testing.T) int {
	t.Helper()
	return int(f.rawInt(t, `SELECT COUNT(*) FROM pg_stat_activity
		WHERE datname = current_database() AND wait_event_type = 'Lock'`))
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
