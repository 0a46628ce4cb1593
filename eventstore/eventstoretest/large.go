package eventstoretest

import (
	"fmt"
	"testing"

	"github.com/duolog/duolog/eventstore"
)

var largeTests = map[string]func(*testing.T, *fixture){
	"New":         testLargeNew,
	"PartlyThere": testLargePartlyThere,
	"Moved":       testLargeMoved,
}

// large is a batch that a backend may store in another way than a small one, of records seen for the first time.
func large() []eventstore.NewEvent {
	all := make([]eventstore.NewEvent, 1200)
	for i := range all {
		all[i] = event(fmt.Sprintf("hubspot/contact/%d", i%50))
		all[i].Data = fmt.Appendf(nil, `{"n":%d}`, i)
		all[i].OccurredAt, all[i].Causation = int64(i), int64(i%3)
	}
	return all
}

func testLargeNew(t *testing.T, f *fixture) {
	store, log := f.withRows(t)
	mustAppend(t, log, event("hubspot/contact/1"))
	appendAndCheck(t.Context(), t, log, large())
	err := store.InTx(t.Context(), func(tx eventstore.Tx) error {
		if err := putRow(t.Context(), tx, 1); err != nil {
			return err
		}
		_, err := tx.Append(t.Context(), log, large()...)
		return err
	})
	if err != nil || f.callerRows(t) != 1 {
		t.Errorf("in a transaction: %v", err)
	}
	wantDense(t, log, 2401)
}

// What another process has stored of a large batch is found, and the rest is stored behind it.
func testLargePartlyThere(t *testing.T, f *fixture) {
	_, log := f.log(t)
	all := large()
	first := mustAppend(t, logOf(t, f.open(t), connection), all[7], all[1100])
	got := mustAppend(t, log, all...)
	sameAppend(t, got[7], first[0])
	sameAppend(t, got[1100], first[1])
	if got[0].Position != 3 || got[1199].Position != 1200 {
		t.Errorf("from %d to %d", got[0].Position, got[1199].Position)
	}
	wantDense(t, log, 1200)
}

// Under a key epoch that has moved nothing of a large batch is stored before it is sealed anew.
func testLargeMoved(t *testing.T, f *fixture) {
	_, log := f.log(t)
	all := large()
	mustAppend(t, log, all[0])
	f.rawExec(t, "UPDATE log_head SET key_epoch = key_epoch + 1")
	appendAndCheck(t.Context(), t, log, all[1:])
	wantDense(t, log, 1200)
}
