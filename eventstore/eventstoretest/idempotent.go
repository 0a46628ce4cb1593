package eventstoretest

import (
	"fmt"
	"sync"
	"testing"

	"github.com/duolog/duolog/eventstore"
)

var idempotentTests = map[string]func(*testing.T, *fixture){
	"FirstResultAgain":   testFirstResultAgain,
	"OldAndNew":          testOldAndNew,
	"TwiceInOneBatch":    testTwiceInOneBatch,
	"KeyOfAnother":       testKeyOfAnother,
	"IDForOtherContent":  testIDForOtherContent,
	"RacingForOneKey":    testRacingForOneKey,
	"WaitingForOne":      testWaitingForOne,
	"KnownToNewProcess":  testKnownToNewProcess,
	"RetriedExpectation": testRetriedExpectation,
}

// sameAppend checks that an append was answered with the first result.
func sameAppend(t *testing.T, got, first eventstore.Appended) {
	t.Helper()
	first.Duplicate = true
	if got != first {
		t.Errorf("the repetition gave %+v, the first %+v", got, first)
	}
}

func testFirstResultAgain(t *testing.T, f *fixture) {
	_, log := f.log(t)
	e := event("hubspot/contact/1")
	e.Key = []byte("delivery 1")
	first := mustAppend(t, log, e)[0]
	mustAppend(t, log, events("hubspot/contact/1", 3)...)
	sameAppend(t, mustAppend(t, log, e)[0], first)
	wantDense(t, log, 4)
}

// A batch mixes what is there with what is new: only the new is stored, and results stand in the batch's order.
func testOldAndNew(t *testing.T, f *fixture) {
	_, log := f.log(t)
	batch := events("hubspot/contact/1", 6)
	old := mustAppend(t, log, batch[1], batch[4])
	got := mustAppend(t, log, batch...)
	sameAppend(t, got[1], old[0])
	sameAppend(t, got[4], old[1])
	next := int64(3)
	for _, i := range []int{0, 2, 3, 5} {
		if got[i].Duplicate || got[i].Position != next || got[i].ID != batch[i].ID {
			t.Errorf("result %d is %+v, want position %d", i, got[i], next)
		}
		next++
	}
	wantDense(t, log, 6)
}

func testTwiceInOneBatch(t *testing.T, f *fixture) {
	_, log := f.log(t)
	e, other := event("hubspot/contact/1"), event("hubspot/contact/2")
	got := mustAppend(t, log, e, other, e)
	sameAppend(t, got[2], got[0])
	wantDense(t, log, 2)
}

// The key decides, not the id: a redelivery has an id of its own.
func testKeyOfAnother(t *testing.T, f *fixture) {
	_, log := f.log(t)
	first, again := event("hubspot/contact/1"), event("hubspot/contact/1")
	first.Key, again.Key = []byte("delivery 1"), []byte("delivery 1")
	stored := mustAppend(t, log, first)[0]
	sameAppend(t, mustAppend(t, log, again)[0], stored)
	// Also when no memory of recent keys helps.
	_, cold := f.log(t)
	sameAppend(t, mustAppend(t, cold, again)[0], stored)
	if id := dataID(t, wantDense(t, log, 1)[0]); id != first.ID.String() {
		t.Errorf("the log holds the data of %s", id)
	}
}

// Two owners of one connection derive the same id: other content under it is an error, never a silent no-op.
func testIDForOtherContent(t *testing.T, f *fixture) {
	_, log := f.log(t)
	e := event("contact/1")
	first := mustAppend(t, log, e)[0]
	changes := map[string]func(*eventstore.NewEvent){
		"data":      func(o *eventstore.NewEvent) { o.Data = []byte(`{"other":true}`) },
		"type":      func(o *eventstore.NewEvent) { o.Type = "record.deleted" },
		"stream":    func(o *eventstore.NewEvent) { o.Stream = "contact/2" },
		"causation": func(o *eventstore.NewEvent) { o.Causation = 1 },
	}
	_, cold := f.log(t)
	for what, change := range changes {
		other := e
		change(&other)
		for _, l := range []eventstore.Log{log, cold} {
			_, err := l.Append(t.Context(), other)
			wantError(t, "the id again with another "+what, err, eventstore.ErrDedupeMismatch)
			_, err = l.Append(t.Context(), event("contact/3"), other)
			wantError(t, "the same behind a new event", err, eventstore.ErrDedupeMismatch)
		}
	}
	sameAppend(t, mustAppend(t, cold, e)[0], first)
	wantDense(t, log, 1)
}

// Twenty callers in two processes append the same delivery at once: one stores it, all get the same answer. The
// subject is new each time, so the processes race for its key, too: what was sealed under the one that loses is not
// taken for another event.
func testRacingForOneKey(t *testing.T, f *fixture) {
	_, one := f.log(t)
	_, two := f.log(t)
	const rounds = 25
	for round := range int64(rounds) {
		e := event(fmt.Sprintf("hubspot/contact/%d", round))
		results := make([]eventstore.Appended, 20)
		var work sync.WaitGroup
		for i := range results {
			work.Go(func() {
				log := one
				if i%2 == 1 {
					log = two
				}
				got, err := log.Append(t.Context(), e)
				if err != nil {
					t.Errorf("append: %v", err)
					return
				}
				results[i] = got[0]
			})
		}
		work.Wait()
		stored := 0
		for _, r := range results {
			if !r.Duplicate {
				stored++
			}
			if r.Position != round+1 || r.ID != e.ID || r.RecordedAt != results[0].RecordedAt {
				t.Errorf("round %d gave %+v beside %+v", round, r, results[0])
			}
		}
		if stored != 1 {
			t.Errorf("%d of 20 callers were told they stored it", stored)
		}
	}
	wantDense(t, one, rounds)
}

// Two processes wait for the head with the same delivery: the second one meets what was not there when it asked.
func testWaitingForOne(t *testing.T, f *fixture) {
	store, one := f.log(t)
	_, two := f.log(t)
	mustAppend(t, one, event("hubspot/contact/1"))
	mustAppend(t, two, event("hubspot/contact/1")) // both know the subject's key
	e := event("hubspot/contact/1")
	var results [2]eventstore.Appended
	f.whileHeld(t, store, len(results), len(results), func(i int) {
		got, err := []eventstore.Log{one, two}[i].Append(soon(t), e)
		if err != nil {
			t.Errorf("append: %v", err)
			return
		}
		results[i] = got[0]
	})
	if results[0].Duplicate == results[1].Duplicate || results[0].Position != 3 || results[1].Position != 3 {
		t.Errorf("they were told %+v", results)
	}
	wantDense(t, one, 3)
}

// The key is in the database, not in a memory that a restart forgets.
func testKnownToNewProcess(t *testing.T, f *fixture) {
	_, log := f.log(t)
	batch := events("hubspot/contact/1", 300)
	first := mustAppend(t, log, batch...)
	_, again := f.log(t)
	for i, got := range mustAppend(t, again, batch...) {
		sameAppend(t, got, first[i])
	}
	wantDense(t, again, 300)
}

// An append whose answer was lost is repeated with the expectation it was made under: it finds itself, not a stream
// that has moved on.
func testRetriedExpectation(t *testing.T, f *fixture) {
	_, log := f.log(t)
	e := event("hubspot/contact/1")
	e.ExpectLast = new(int64(0))
	first := mustAppend(t, log, e)[0]
	sameAppend(t, mustAppend(t, log, e)[0], first)
	_, cold := f.log(t)
	sameAppend(t, mustAppend(t, cold, e)[0], first)
}
