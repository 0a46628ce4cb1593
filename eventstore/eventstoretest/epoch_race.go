package eventstoretest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/internal/engine"
)

// One process appends for a subject while another erases and revives it: what stands before the erasure was sealed under
// the key that is gone, nothing stands between, and what stands behind can be read.
func testNoLiveKeyLeft(t *testing.T, f *fixture) {
	store, log := f.log(t)
	_, busy := f.log(t)
	mustAppend(t, busy, event("hubspot/contact/1"))
	ctx, stop := context.WithCancel(soon(t))
	var work sync.WaitGroup
	for range 4 {
		work.Go(func() {
			for ctx.Err() == nil {
				_, err := busy.Append(soon(t), event("hubspot/contact/1"))
				if err != nil && !errors.Is(err, eventstore.ErrErased) {
					t.Errorf("append: %v", err)
				}
			}
		})
	}
	var gone, back int64
	for range 3 {
		gone = keysIn(t, store, log, eventstore.Tx.Erase, "hubspot/contact/1")
		back = keysIn(t, store, log, eventstore.Tx.Revive, "hubspot/contact/1")
		mustAppend(t, busy, event("hubspot/contact/1"))
	}
	stop()
	work.Wait()
	_, fresh := f.log(t)
	for _, e := range wantDense(t, fresh, mustHead(t, fresh).Position) {
		if e.Subject == "hubspot/contact/1" && (e.Position > gone && e.Position < back || e.Erased != (e.Position < gone)) {
			t.Errorf("erased at %d and revived at %d, position %d is erased: %t", gone, back, e.Position, e.Erased)
		}
	}
}

// keysIn does to subjects what a transaction does with keys, and returns the position of the act.
func keysIn(t *testing.T, store eventstore.Store, log eventstore.Log, do func(eventstore.Tx, context.Context,
	eventstore.Log, []string, ...eventstore.NewEvent) ([]eventstore.Appended, error), subjects ...string,
) (position int64) {
	t.Helper()
	act := event("privacy")
	err := store.InTx(soon(t), func(tx eventstore.Tx) error {
		done, err := do(tx, t.Context(), log, subjects, act)
		if err == nil {
			position = done[0].Position
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return position
}

// beside is a process whose transactions another one appends beside.
type beside struct {
	*fixture
	driver     *faulty
	store      eventstore.Store
	log, other eventstore.Log
}

func (f *fixture) beside(t *testing.T) *beside {
	t.Helper()
	b := &beside{fixture: f, driver: &faulty{}}
	b.store = f.openWith(t, Options{Wrap: func(d engine.Driver) engine.Driver {
		b.driver.Driver = d
		return b.driver
	}})
	b.log = logOf(t, b.store, connection)
	_, b.other = f.log(t)
	return b
}

// atStep lets the other process append for each subject when do has come as far as the step, and returns the answers, which
// may come only after do.
func (b *beside) atStep(t *testing.T, step int, subjects []string, do func()) (answers []error, reached bool) {
	t.Helper()
	answers = make([]error, len(subjects))
	var work sync.WaitGroup
	b.driver.arm(fault{}) // counts from here
	b.driver.passed = func(at int) {
		if reached || at != step {
			return
		}
		reached = true
		for i, subject := range subjects {
			work.Go(func() { _, answers[i] = b.other.Append(soon(t), event(subject)) })
		}
		b.answeredOrHeld(t, &work)
	}
	do()
	b.driver.passed = nil
	work.Wait()
	return answers, reached
}

// answeredOrHeld waits until all is answered, or is seen to wait for what the transaction has locked. Where it cannot be
// seen it is given a moment.
func (b *beside) answeredOrHeld(t *testing.T, work *sync.WaitGroup) {
	t.Helper()
	answered := make(chan struct{})
	go func() {
		work.Wait()
		close(answered)
	}()
	moment := time.NewTicker(20 * time.Millisecond)
	defer moment.Stop()
	for ctx := soon(t); ctx.Err() == nil; {
		select {
		case <-answered:
			return
		case <-moment.C:
			if b.store.Backend() != backendPostgres || b.waiting(t) > 0 {
				return
			}
		}
	}
}

// However far an erasure has come when another process appends for who is erased, known or not: it is refused.
func testErasedMeanwhile(t *testing.T, f *fixture) {
	b := f.beside(t)
	mustAppend(t, b.log, event("privacy"))
	step := 1
	for ; ; step++ {
		subjects := []string{fmt.Sprintf("hubspot/contact/%d", step), fmt.Sprintf("hubspot/new/%d", step)}
		mustAppend(t, b.other, event(subjects[0]))
		tries := 0
		answers, reached := b.atStep(t, step, subjects, func() {
			keysIn(t, b.store, b.log, func(tx eventstore.Tx, ctx context.Context, log eventstore.Log, subjects []string,
				events ...eventstore.NewEvent,
			) ([]eventstore.Appended, error) {
				tries++
				return tx.Erase(ctx, log, subjects, events...)
			}, subjects...)
		})
		if !reached {
			break
		}
		for i, err := range answers {
			wantError(t, fmt.Sprintf("append for %s after step %d", subjects[i], step), err, eventstore.ErrErased)
		}
		if tries != 1 {
			t.Errorf("after step %d the erasure was tried %d times", step, tries)
		}
	}
	if step < 4 { // append, keys and epoch
		t.Errorf("an erasure of %d steps", step-1)
	}
	_, fresh := f.log(t)
	for _, e := range wantDense(t, fresh, mustHead(t, fresh).Position) {
		// The one made for the step that never came was erased with nobody beside.
		if e.Erased != (e.Subject != "privacy") {
			t.Errorf("position %d of %s is erased: %t", e.Position, e.Subject, e.Erased)
		}
	}
}

// However far a revival has come when another process appends for who is revived: it is refused, or can be read.
func testRevivedMeanwhile(t *testing.T, f *fixture) {
	b := f.beside(t)
	for step, reached := 1, true; reached; step++ {
		subject := fmt.Sprintf("hubspot/contact/%d", step)
		mustAppend(t, b.other, event(subject))
		keysIn(t, b.store, b.log, eventstore.Tx.Erase, subject)
		var answers []error
		answers, reached = b.atStep(t, step, []string{subject}, func() {
			keysIn(t, b.store, b.log, eventstore.Tx.Revive, subject)
		})
		if err := answers[0]; err != nil {
			wantError(t, fmt.Sprintf("append after step %d", step), err, eventstore.ErrErased)
		}
		last := mustAppend(t, b.other, event(subject))[0].Position
		_, fresh := f.log(t)
		events, err := fresh.ReadStream(t.Context(), subject, 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range events {
			if e.Erased != (i == 0) {
				t.Errorf("after step %d: position %d of %d is erased: %t", step, e.Position, last, e.Erased)
			}
		}
	}
}
