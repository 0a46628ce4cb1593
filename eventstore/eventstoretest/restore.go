package eventstoretest

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/duolog/duolog/eventstore"
)

var restoreTests = map[string]func(*testing.T, *fixture){
	"GoesOn": testRestoredGoesOn,
}

// A backup taken while two processes append holds the log up to some position, as it was: restored, it is whole,
// knows its dedupe keys, stays immutable, and goes on at the next position without a thought of what came after.
func testRestoredGoesOn(t *testing.T, f *fixture) {
	_, log := f.log(t)
	_, second := f.log(t)
	keyed := event("hubspot/contact/0")
	keyed.Key = []byte("delivery 1")
	early := append(events("hubspot/contact/1", 500), keyed)
	first := mustAppend(t, log, early...)
	restored := &fixture{Database: f.copyUnderLoad(t, log, second), master: f.master}

	store, again := restored.log(t)
	head := mustHead(t, again)
	all := wantDense(t, again, head.Position)
	if head.Position < int64(len(early)) {
		t.Fatalf("%d events were stored before the backup began, %d are in it", len(early), head.Position)
	}
	for i, e := range mustRead(t, log, 0, len(all)) {
		if !equalEvents(e, all[i]) || string(e.Data) != string(all[i].Data) {
			t.Fatalf("position %d is restored as %+v, was %+v", e.Position, all[i], e)
		}
	}
	redelivered := event("hubspot/contact/0")
	redelivered.Key = keyed.Key
	sameAppend(t, mustAppend(t, again, redelivered)[0], first[500])
	for i, got := range mustAppend(t, again, early...) {
		sameAppend(t, got, first[i])
	}
	if _, err := restored.Raw.ExecContext(t.Context(), "DELETE FROM event WHERE position = 1"); err == nil {
		t.Error("an event of the restored log can be deleted")
	}
	goesOn(t, again, head.Position)
	wantVerified(t, store, mustHead(t, again).Position)
}

// copyUnderLoad takes the backup amid appends to both logs.
func (f *fixture) copyUnderLoad(t *testing.T, logs ...eventstore.Log) *Database {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var work sync.WaitGroup
	under := make(chan struct{}, 2*len(logs))
	for w := range 2 * len(logs) {
		work.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				batch := events(fmt.Sprintf("aloware/contact/%d-%d", w, n%50), 1+n%3)
				if _, err := logs[w%len(logs)].Append(ctx, batch...); err != nil && ctx.Err() == nil {
					t.Errorf("append beside the backup: %v", err)
					return
				}
				if n == 5 {
					under <- struct{}{}
				}
			}
		})
	}
	for range cap(under) {
		<-under
	}
	restored := f.Backup(t)
	stop()
	work.Wait()
	return restored
}

// goesOn appends by group commit from several callers, for old subjects and new ones.
func goesOn(t *testing.T, log eventstore.Log, from int64) {
	t.Helper()
	if got := mustAppend(t, log, event("hubspot/contact/1")); got[0].Position != from+1 {
		t.Errorf("the restored log goes on at %d, its last position is %d", got[0].Position, from)
	}
	ctx := soon(t)
	var work sync.WaitGroup
	for w := range 8 {
		work.Go(func() {
			for n := range 5 {
				appendAndCheck(ctx, t, log, events(fmt.Sprintf("hubspot/contact/%d", w*n), 3))
			}
		})
	}
	work.Go(func() { follow(ctx, t, log, from+1+8*5*3, 50) })
	work.Wait()
	wantDense(t, log, from+1+8*5*3)
}
