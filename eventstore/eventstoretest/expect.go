package eventstoretest

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/duolog/duolog/eventstore"
)

var expectationTests = map[string]func(*testing.T, *fixture){
	"Held":         testExpectationHeld,
	"Failed":       testExpectationFailed,
	"OneWins":      testOneExpectationWins,
	"InTheBatch":   testExpectationInTheBatch,
	"OtherStreams": testExpectationOtherStreams,
}

// expecting makes an event for a stream whose last position is at most last.
func expecting(stream string, last int64) eventstore.NewEvent {
	e := event(stream)
	e.ExpectLast = new(last)
	return e
}

func testExpectationHeld(t *testing.T, f *fixture) {
	_, log := f.log(t)
	mustAppend(t, log, expecting("hubspot/contact/1", 0))
	mustAppend(t, log, expecting("hubspot/contact/1", 1))
	mustAppend(t, log, expecting("hubspot/contact/1", 50)) // at most: ahead of the end is fine
	wantDense(t, log, 3)
}

// A failed expectation stores nothing of its batch.
func testExpectationFailed(t *testing.T, f *fixture) {
	_, log := f.log(t)
	_, cold := f.log(t)
	mustAppend(t, log, events("hubspot/contact/1", 2)...)
	for _, l := range []eventstore.Log{log, cold} {
		_, err := l.Append(t.Context(), event("hubspot/contact/2"), expecting("hubspot/contact/1", 1))
		wantError(t, "an expectation of 1 on a stream at 2", err, eventstore.ErrExpectation)
	}
	wantDense(t, log, 2)
	mustAppend(t, log, expecting("hubspot/contact/1", 2))
}

// Twenty callers in two processes saw the same end of a stream: one appends, the others are told.
func testOneExpectationWins(t *testing.T, f *fixture) {
	_, one := f.log(t)
	_, two := f.log(t)
	for round := range int64(5) {
		var won atomic.Int64
		var work sync.WaitGroup
		for i := range 20 {
			work.Go(func() {
				log := one
				if i%2 == 1 {
					log = two
				}
				_, err := log.Append(t.Context(), expecting("hubspot/contact/1", round))
				switch {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, eventstore.ErrExpectation):
					t.Errorf("append: %v", err)
				}
			})
		}
		work.Wait()
		if won.Load() != 1 {
			t.Errorf("round %d: %d of 20 expectations held", round, won.Load())
		}
	}
	wantDense(t, one, 5)
}

// The expectations of a batch hold together or not at all.
func testExpectationInTheBatch(t *testing.T, f *fixture) {
	_, log := f.log(t)
	mustAppend(t, log, expecting("hubspot/contact/1", 0), expecting("hubspot/contact/2", 0))
	_, err := log.Append(t.Context(), expecting("hubspot/contact/1", 1), expecting("hubspot/contact/2", 1))
	wantError(t, "a batch of which one expectation fails", err, eventstore.ErrExpectation)
	wantDense(t, log, 2)
}

func testExpectationOtherStreams(t *testing.T, f *fixture) {
	store, log := f.log(t)
	mustAppend(t, log, events("hubspot/contact/1", 5)...)
	mustAppend(t, log, expecting("hubspot/contact/12", 0)) // not a prefix match
	other := logOf(t, store, "other")
	mustAppend(t, other, expecting("hubspot/contact/1", 0))
}
