package eventstoretest

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/internal/engine"
)

var writableTests = map[string]func(*testing.T, *fixture){
	"UntilItIsTried": testWritable,
}

// A store of which a write failed is not writable until one goes through, whoever it is that tries: nobody else may
// write while it says it is not ready. What can be read meanwhile is no sign of it.
func testWritable(t *testing.T, f *fixture) {
	d := &faulty{}
	var passed atomic.Int64
	store := f.openWith(t, Options{
		Clock: func() time.Time { return time.Now().Add(time.Duration(passed.Load())) },
		Wrap: func(inner engine.Driver) engine.Driver {
			d.Driver = inner
			return d
		},
	})
	log := logOf(t, store, connection)
	mustAppend(t, log, event("hubspot/contact/1"))
	if err := store.Writable(t.Context()); err != nil {
		t.Errorf("nothing has failed, yet: %v", err)
	}
	d.arm(fault{every: true, class: engine.Unavailable})
	if _, err := log.Append(t.Context(), event("hubspot/contact/1")); err == nil {
		t.Error("an append went through although every step fails")
	}
	mustRead(t, log, 0, 10)
	for range 2 {
		if err := store.Writable(t.Context()); err == nil {
			t.Error("writable although every step fails")
		}
		passed.Add(int64(time.Minute))
	}
	d.disarm()
	if _, err := log.Append(t.Context(), event("hubspot/contact/1")); err != nil {
		t.Errorf("append: %v", err)
	}
	d.arm(fault{step: 1, class: engine.Unavailable})
	if err := store.InTx(t.Context(), func(eventstore.Tx) error { return nil }); err == nil {
		t.Error("a transaction went through although it fails")
	}
	d.disarm()
	if err := store.Writable(t.Context()); err == nil {
		t.Error("writable right after a failure: what is next may fail as well")
	}
	passed.Add(int64(time.Minute))
	if err := store.Writable(t.Context()); err != nil {
		t.Errorf("writes go through again, and it says %v", err)
	}
	wantDense(t, log, mustHead(t, log).Position)
}
