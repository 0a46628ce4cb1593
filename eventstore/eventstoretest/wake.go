package eventstoretest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/duolog/duolog/eventstore"
)

var wakeTests = map[string]func(*testing.T, *fixture){
	"AtOnce":         testWaitAtOnce,
	"SameProcess":    testWaitSameProcess,
	"TxAppend":       testWaitTxAppend,
	"OtherProcess":   testWaitOtherProcess,
	"ByPolling":      testWaitByPolling,
	"CallerLeaves":   testWaitCallerLeaves,
	"StoreCloses":    testWaitStoreCloses,
	"ManyWaitOnMany": testManyWaitOnMany,
}

// never is a poll interval no test lives to see: only a wake-up ends a Wait.
const never = 24 * time.Hour

// patiently opens a store that does not poll.
func (f *fixture) patiently(t *testing.T) (eventstore.Store, eventstore.Log) {
	t.Helper()
	store := f.openWith(t, Options{Poll: never})
	return store, logOf(t, store, connection)
}

// waiting waits as readers do: a wake-up may have no reason. What it returns is an error when it took as long as only
// a failure does.
func waiting(t *testing.T, log eventstore.Log, after int64) <-chan error {
	t.Helper()
	ctx, done := soon(t), make(chan error, 1)
	go func() {
		for {
			err := log.Wait(ctx, after)
			if err == nil {
				var head eventstore.Head
				head, err = log.Head(ctx)
				if err == nil && head.Position <= after {
					continue
				}
			}
			done <- err
			return
		}
	}()
	return done
}

func wantWoken(t *testing.T, done <-chan error) {
	t.Helper()
	if err := <-done; err != nil {
		t.Errorf("wait: %v", err)
	}
}

func testWaitAtOnce(t *testing.T, f *fixture) {
	_, log := f.patiently(t)
	mustAppend(t, log, events("hubspot/contact/1", 2)...)
	wantWoken(t, waiting(t, log, 1))
	_, other := f.patiently(t) // which has to look for itself
	wantWoken(t, waiting(t, other, 1))
}

func testWaitSameProcess(t *testing.T, f *fixture) {
	_, log := f.patiently(t)
	done := waiting(t, log, 0)
	mustAppend(t, log, event("hubspot/contact/1"))
	wantWoken(t, done)
}

func testWaitTxAppend(t *testing.T, f *fixture) {
	store, log := f.patiently(t)
	done := waiting(t, log, 0)
	err := store.InTx(t.Context(), func(tx eventstore.Tx) error {
		_, err := tx.Append(t.Context(), log, event("hubspot/contact/1"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	wantWoken(t, done)
}

// Another process' append is noticed: by a notification where the backend has one, else by polling.
func testWaitOtherProcess(t *testing.T, f *fixture) {
	reader := f.open(t)
	if reader.Backend() == backendPostgres {
		reader = f.openWith(t, Options{Poll: never})
	}
	writer, log := f.log(t)
	done := waiting(t, logOf(t, reader, connection), 0)
	mustAppend(t, log, event("hubspot/contact/1"))
	wantWoken(t, done)

	done = waiting(t, logOf(t, reader, connection), 1)
	err := writer.InTx(t.Context(), func(tx eventstore.Tx) error {
		_, err := tx.Append(t.Context(), log, event("hubspot/contact/1"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	wantWoken(t, done)
}

// Without any notification, as behind a connection pooler, a reader still sees everything.
func testWaitByPolling(t *testing.T, f *fixture) {
	reader := f.openWith(t, Options{NoNotify: true, Poll: 5 * time.Millisecond})
	writer := f.openWith(t, Options{NoNotify: true})
	log := logOf(t, writer, connection)
	ctx := soon(t)
	var work sync.WaitGroup
	work.Go(func() { follow(ctx, t, logOf(t, reader, connection), 40, 7) })
	for range 20 {
		mustAppend(t, log, events("hubspot/contact/1", 2)...)
	}
	work.Wait()
}

func testWaitCallerLeaves(t *testing.T, f *fixture) {
	_, log := f.patiently(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- log.Wait(ctx, 0) }()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("wait of a caller who left: %v", err)
	}
}

func testWaitStoreCloses(t *testing.T, f *fixture) {
	store, log := f.patiently(t)
	done := waiting(t, log, 0)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	wantError(t, "wait while the store closes", <-done, eventstore.ErrUnavailable)
	_, err := log.Append(t.Context(), event("hubspot/contact/1"))
	wantError(t, "append to a closed store", err, eventstore.ErrUnavailable)
}

// A wake-up is lost neither between two readers nor between the look and the wait.
func testManyWaitOnMany(t *testing.T, f *fixture) {
	const total = 60
	_, log := f.patiently(t)
	ctx := soon(t)
	var work sync.WaitGroup
	for range 6 {
		work.Go(func() { follow(ctx, t, log, total, 1000) })
	}
	for range total {
		mustAppend(t, log, event("hubspot/contact/1"))
	}
	work.Wait()
}
