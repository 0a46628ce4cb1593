package eventstoretest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/duolog/duolog/eventstore"
)

var denseTests = map[string]func(*testing.T, *fixture){
	"WritersAndReaders":     testWritersAndReaders,
	"NobodyOvertakes":       testNobodyOvertakes,
	"LogsAreApart":          testLogsAreApart,
	"ClockThatRunsBack":     testClockThatRunsBack,
	"CancelledLeavesNoHole": testCancelledLeavesNoHole,
}

// Sixteen writers in two processes append batches of one to five while readers in both follow from the start: each
// must see every position once, in order, with no position appearing behind it.
func testWritersAndReaders(t *testing.T, f *fixture) {
	const writers, batches = 16, 12
	_, one := f.log(t)
	_, two := f.log(t)
	logs := []eventstore.Log{one, two}

	total := int64(0)
	for w := range writers {
		for b := range batches {
			total += int64(1 + (w+b)%5)
		}
	}
	ctx := soon(t)
	var work sync.WaitGroup
	for w := range writers {
		work.Go(func() {
			for b := range batches {
				appendAndCheck(ctx, t, logs[w%2], events(fmt.Sprintf("hubspot/contact/%d", w), 1+(w+b)%5))
			}
		})
	}
	for r := range 4 {
		work.Go(func() { follow(ctx, t, logs[r%2], total, 3+r) })
	}
	work.Wait()
	wantDense(t, one, total)
}

// appendAndCheck appends a batch and reads it back at the positions the answer gives.
func appendAndCheck(ctx context.Context, t *testing.T, log eventstore.Log, batch []eventstore.NewEvent) {
	got, err := log.Append(ctx, batch...)
	if err != nil {
		t.Errorf("append: %v", err)
		return
	}
	positions := make([]int64, len(got))
	for i, a := range got {
		positions[i] = a.Position
		if a.Duplicate || a.ID != batch[i].ID || a.Position != got[0].Position+int64(i) {
			t.Errorf("result %d of the batch is %+v, the first is at %d", i, a, got[0].Position)
		}
	}
	stored, err := log.Get(ctx, positions...)
	if err != nil || len(stored) != len(batch) {
		t.Errorf("get %v: %d events, error %v", positions, len(stored), err)
		return
	}
	for i, e := range stored {
		if e.ID != batch[i].ID || string(e.Data) != string(batch[i].Data) || e.RecordedAt != got[i].RecordedAt {
			t.Errorf("position %d does not hold what was appended there", e.Position)
		}
	}
}

// follow reads to the position total as a consumer does. A hole, a repetition or an event that shows up behind the
// reader breaks the sequence.
func follow(ctx context.Context, t *testing.T, log eventstore.Log, total int64, limit int) {
	var at, recorded int64
	for at < total {
		if err := log.Wait(ctx, at); err != nil {
			t.Errorf("wait after %d: %v", at, err)
			return
		}
		page, err := log.Read(ctx, at, limit)
		if err != nil {
			t.Errorf("read after %d: %v", at, err)
			return
		}
		for _, e := range page {
			if e.Position != at+1 || e.RecordedAt < recorded {
				t.Errorf("after position %d (recorded %d) came %d (recorded %d)", at, recorded, e.Position, e.RecordedAt)
				return
			}
			at, recorded = e.Position, e.RecordedAt
		}
	}
}

// While a transaction holds positions it has not committed, no other process may commit later ones: a reader would
// pass over the first for ever. The head's row lock is what prevents it.
func testNobodyOvertakes(t *testing.T, f *fixture) {
	first, firstLog := f.log(t)
	_, secondLog := f.log(t)
	late := event("aloware/contact/1")
	err := first.InTx(t.Context(), func(tx eventstore.Tx) error {
		if _, err := tx.Append(t.Context(), firstLog, events("hubspot/contact/1", 3)...); err != nil {
			return err
		}
		if got, err := secondLog.Append(impatient(t), late); err == nil {
			t.Errorf("an append got position %d while 1..3 were not committed", got[0].Position)
		}
		if got := mustRead(t, secondLog, 0, 10); len(got) != 0 {
			t.Errorf("%d events are visible before their commit", len(got))
		}
		return nil
	})
	if err != nil {
		t.Fatalf("transaction: %v", err)
	}
	if got := mustAppend(t, secondLog, late); got[0].Position != 4 {
		t.Errorf("the late append got position %d, want 4", got[0].Position)
	}
	wantDense(t, secondLog, 4)
}

func testLogsAreApart(t *testing.T, f *fixture) {
	store := f.open(t)
	acme, other := logOf(t, store, connection), logOf(t, store, "other")
	e := event("hubspot/contact/1")
	for range 2 {
		mustAppend(t, acme, e) // the second is a duplicate here, and no duplicate there
	}
	if got := mustAppend(t, other, e); got[0].Position != 1 || got[0].Duplicate {
		t.Errorf("the first event of another connection is %+v", got[0])
	}
	wantDense(t, acme, 1)
	wantDense(t, other, 1)
	if mustHead(t, acme).LogID == mustHead(t, other).LogID {
		t.Error("two logs have one log id")
	}
	names, err := store.Connections(t.Context())
	if err != nil || fmt.Sprint(names) != "[acme other]" {
		t.Errorf("connections are %v, error %v", names, err)
	}
}

// Stopped appends may or may not be stored, but never leave a hole.
func testCancelledLeavesNoHole(t *testing.T, f *fixture) {
	_, log := f.log(t)
	var work sync.WaitGroup
	for w := range 8 {
		work.Go(func() {
			for range 10 {
				ctx, cancel := context.WithCancel(t.Context())
				if w%2 == 0 {
					go cancel()
				}
				_, err := log.Append(ctx, events("hubspot/contact/1", 2)...)
				cancel()
				if err != nil && w%2 == 1 {
					t.Errorf("append beside cancelled ones: %v", err)
				}
			}
		})
	}
	work.Wait()
	wantDense(t, log, mustHead(t, log).Position)
}

// The recording clock of one process runs back, that of another ahead: recorded_at never falls along positions.
func testClockThatRunsBack(t *testing.T, f *fixture) {
	now := time.Now().Truncate(time.Microsecond)
	var step atomic.Int64
	back := f.openWith(t, Options{Clock: func() time.Time { return now.Add(-time.Duration(step.Add(1)) * time.Hour) }})
	ahead := f.openWith(t, Options{Clock: func() time.Time { return now.Add(time.Duration(step.Add(1)) * time.Hour) }})
	backLog, aheadLog := logOf(t, back, connection), logOf(t, ahead, connection)
	for range 3 {
		mustAppend(t, backLog, event("hubspot/contact/1"))
		mustAppend(t, aheadLog, event("hubspot/contact/1"))
		mustAppend(t, backLog, event("hubspot/contact/1"))
	}
	all := wantDense(t, backLog, 9)
	if last := all[8].RecordedAt; last <= now.UnixMicro() {
		t.Errorf("recorded_at %d is not what the clock ahead said", last)
	}
}
