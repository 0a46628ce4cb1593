package eventstoretest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/duolog/duolog/eventstore"
)

var epochTests = map[string]func(*testing.T, *fixture){
	"Append":                 testEpochAppend,
	"TxAppend":               testEpochTxAppend,
	"UnderLoad":              testEpochUnderLoad,
	"KeyDestroyed":           testKeyDestroyed,
	"Screened":               testScreened,
	"KeyDestroyedForReaders": testKeyDestroyedForReaders,
	"NoLiveKeyLeft":          testNoLiveKeyLeft,
	"ErasedMeanwhile":        testErasedMeanwhile,
	"RevivedMeanwhile":       testRevivedMeanwhile,
	"Erase":                  testErase,
}

const raiseEpoch = "UPDATE log_head SET key_epoch = key_epoch + 1 WHERE connection = 'acme'"

// Another process has destroyed some key: this one forgets those it holds, and appends all the same.
func testEpochAppend(t *testing.T, f *fixture) {
	_, log := f.log(t)
	mustAppend(t, log, event("hubspot/contact/1"))
	for range 2 {
		before := mustHead(t, log).KeyEpoch
		f.rawExec(t, raiseEpoch)
		mustAppend(t, log, event("hubspot/contact/1"), event("hubspot/contact/2"))
		if head := mustHead(t, log); head.KeyEpoch != before+1 {
			t.Errorf("the epoch is %d, was raised to %d", head.KeyEpoch, before+1)
		}
	}
	wantReadable(t, log, 5)
}

// wantReadable checks that each of the first n events opens to its own data.
func wantReadable(t *testing.T, log eventstore.Log, n int64) {
	t.Helper()
	for _, e := range wantDense(t, log, n) {
		if e.Erased || dataID(t, e) != e.ID.String() {
			t.Errorf("position %d cannot be read back", e.Position)
		}
	}
}

func testEpochTxAppend(t *testing.T, f *fixture) {
	store, log := f.log(t)
	mustAppend(t, log, event("hubspot/contact/1"))
	f.rawExec(t, raiseEpoch)
	err := store.InTx(t.Context(), func(tx eventstore.Tx) error {
		_, err := tx.Append(t.Context(), log, event("hubspot/contact/1"), event("hubspot/contact/2"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	wantReadable(t, log, 3)
}

func testEpochUnderLoad(t *testing.T, f *fixture) {
	_, log := f.log(t)
	_, second := f.log(t)
	logs := []eventstore.Log{log, second}
	ctx := soon(t)
	var work sync.WaitGroup
	for w := range 8 {
		work.Go(func() {
			for i := range 10 {
				appendAndCheck(ctx, t, logs[w%2], events(fmt.Sprintf("hubspot/contact/%d", i), 2))
			}
		})
	}
	for range 10 {
		f.rawExec(t, raiseEpoch)
	}
	work.Wait()
	wantReadable(t, log, 160)
}

// destroyKey does to a subject what an erasure does to its key, from another process.
const destroyKey = "UPDATE subject_key SET wrapped = NULL WHERE connection = 'acme' AND subject = 'hubspot/contact/1'"

// With its key goes what it sealed, also for a process that had the key in memory; the rest stays readable.
func testKeyDestroyed(t *testing.T, f *fixture) {
	_, log := f.log(t)
	mustAppend(t, log, event("hubspot/contact/1"), event("hubspot/contact/2"))
	sealed, err := log.Vault().Seal(t.Context(), "hubspot/contact/1", "contacts.name", []byte("Ann"))
	if err != nil {
		t.Fatal(err)
	}
	f.rawExec(t, destroyKey)
	f.rawExec(t, raiseEpoch)

	_, err = log.Append(t.Context(), event("hubspot/contact/1"))
	wantError(t, "append for an erased subject", err, eventstore.ErrErased)
	mustAppend(t, log, event("hubspot/contact/2"))
	_, err = log.Vault().Open(t.Context(), "hubspot/contact/1", "contacts.name", sealed)
	wantError(t, "open for an erased subject", err, eventstore.ErrErased)
	_, err = log.Vault().Seal(t.Context(), "hubspot/contact/1", "contacts.name", []byte("Ann"))
	wantError(t, "seal for an erased subject", err, eventstore.ErrErased)

	all := wantDense(t, log, 3)
	if !all[0].Erased || all[0].Data != nil || all[0].Type != "record.updated" {
		t.Errorf("an erased event reads as %+v", all[0])
	}
	if all[1].Erased || dataID(t, all[1]) != all[1].ID.String() {
		t.Error("the neighbour's event is gone too")
	}
}

// A process that only reads, and had the key in memory, hears of it before long.
func testKeyDestroyedForReaders(t *testing.T, f *fixture) {
	_, log := f.log(t)
	mustAppend(t, log, event("hubspot/contact/1"))
	reader := logOf(t, f.openWith(t, Options{NoNotify: true, Poll: 5 * time.Millisecond}), connection)
	wantReadable(t, reader, 1)
	f.rawExec(t, destroyKey)
	f.rawExec(t, raiseEpoch)
	for ctx := soon(t); ; {
		events, err := reader.Get(ctx, 1)
		if err != nil {
			t.Fatal("it is still read: ", err)
		}
		if events[0].Erased {
			return
		}
	}
}

// An erasure in a transaction: the keys go with its event or not at all, of records nobody knew of as well; who held
// them learns of it. Revived, a subject has a key for what comes, and what was erased stays so.
func testErase(t *testing.T, f *fixture) {
	store, log := f.log(t)
	_, other := f.log(t)
	mustAppend(t, log, event("hubspot/contact/1"), event("hubspot/contact/2"))
	mustAppend(t, other, event("hubspot/contact/1"))
	sealed, err := other.Vault().Seal(t.Context(), "hubspot/contact/1", "contacts.name", []byte("Ann"))
	if err != nil {
		t.Fatal(err)
	}
	undone := errors.New("not after all")
	act := func(end error, do func(eventstore.Tx) error) {
		t.Helper()
		err := store.InTx(t.Context(), func(tx eventstore.Tx) error { return errors.Join(do(tx), end) })
		if !errors.Is(err, end) || end == nil && err != nil {
			t.Fatal(err)
		}
	}
	erase := func(tx eventstore.Tx) error {
		_, err := tx.Erase(t.Context(), log, []string{"hubspot/contact/1", "hubspot/contact/9", "hubspot/contact/1"}, event("privacy"))
		return err
	}
	act(undone, erase)
	wantReadable(t, log, 3)
	mustAppend(t, log, event("hubspot/contact/1"))
	act(nil, erase)
	for _, l := range []eventstore.Log{log, other} {
		for _, stream := range []string{"hubspot/contact/1", "hubspot/contact/9"} {
			_, err := l.Append(t.Context(), event(stream))
			wantError(t, "append for an erased subject", err, eventstore.ErrErased)
		}
		mustAppend(t, l, event("hubspot/contact/2"))
	}
	act(nil, func(tx eventstore.Tx) error {
		_, err := tx.Revive(t.Context(), log, []string{"hubspot/contact/1", "hubspot/contact/2"}, event("privacy"))
		return err
	})
	mustAppend(t, other, event("hubspot/contact/1"))
	_, err = other.Vault().Open(t.Context(), "hubspot/contact/1", "contacts.name", sealed)
	wantError(t, "open what was sealed before", err, eventstore.ErrErased)
	wantErased(t, f, log, store, map[int64]bool{1: true, 3: true, 4: true}, 9)
	_, err = log.Append(t.Context(), event("hubspot/contact/9"))
	wantError(t, "append for one that was not revived", err, eventstore.ErrErased)
	if err := store.Scrub(t.Context(), "subject_key"); err != nil {
		t.Error(err)
	}
}

// wantErased checks that of the first n events exactly these cannot be read, also by their own keys, and that the log
// verifies.
func wantErased(
	t *testing.T, f *fixture, log eventstore.Log, store eventstore.Store, erased map[int64]bool, n int64,
) {
	t.Helper()
	for _, e := range wantDense(t, log, n) {
		key, err := log.Vault().EventKeys(t.Context(), eventstore.EventID{ID: e.ID, Subject: e.Subject, Position: e.Position})
		if err != nil || e.Erased != erased[e.Position] || (key[0] == nil) != e.Erased {
			t.Errorf("position %d: erased %v, its key %x, %v", e.Position, e.Erased, key, err)
		}
	}
	report, err := eventstore.Check{DB: store, Connection: log.Connection(), Master: f.master}.Run(t.Context())
	if err != nil || !report.OK() {
		t.Errorf("verify: %+v, %v", report.Faults, err)
	}
}

// What a screen looked at is looked at again when a key was destroyed since: with what it knows then it may refuse.
func testScreened(t *testing.T, f *fixture) {
	_, log := f.log(t)
	_, other := f.log(t)
	screened, ok := log.(eventstore.Screened)
	if !ok {
		t.Fatal("no screen can be given")
	}
	var epochs []int64
	screened.Screen(func(_ context.Context, epoch int64, events []eventstore.NewEvent) error {
		if epochs = append(epochs, epoch); len(epochs) == 1 {
			f.rawExec(t, raiseEpoch) // she is erased this moment, elsewhere
			return nil
		}
		return fmt.Errorf("%d events: %w", len(events), eventstore.ErrErased)
	})
	_, err := log.Append(t.Context(), event("hubspot/contact/1"), event("hubspot/contact/2"))
	wantError(t, "append of what is refused by now", err, eventstore.ErrErased)
	if len(epochs) != 2 || epochs[1] != epochs[0]+1 {
		t.Errorf("looked at under epochs %d", epochs)
	}
	mustAppend(t, other, event("hubspot/contact/1"))
	wantDense(t, other, 1)
}
