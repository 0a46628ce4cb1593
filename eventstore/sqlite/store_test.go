package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest"
	"github.com/duolog/duolog/eventstore/sqlite"
)

func open(t *testing.T, c sqlite.Config) eventstore.Store {
	t.Helper()
	if c.Path == "" {
		c.Path = filepath.Join(t.TempDir(), "odd name?#%.db")
	}
	if c.MasterKey.IsZero() {
		c.MasterKey = eventstore.NewMasterKey()
	}
	c.Migrate = true
	store, err := sqlite.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func TestAppendAndRead(t *testing.T) {
	log := eventstoretest.Log(t, open(t, sqlite.Config{}))
	first, second := eventstoretest.Event("1", `{"a":1}`), eventstoretest.Event("2", `{"b":2}`)
	got, err := log.Append(t.Context(), first, second)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Position != 1 || got[1].Position != 2 || got[1].ID != second.ID {
		t.Fatalf("appended %+v", got)
	}
	events, err := log.Read(t.Context(), 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(events) != 2 || !bytes.Equal(events[1].Data, second.Data) || events[1].OccurredAt != 7 {
		t.Fatalf("read %+v", events)
	}
}

func TestConcurrentAppends(t *testing.T) {
	log := eventstoretest.Log(t, open(t, sqlite.Config{}))
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for i := range 20 {
				ev := eventstoretest.Event(fmt.Sprint(w*100+i), "{}")
				if _, err := log.Append(context.Background(), ev); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	events, err := log.Read(t.Context(), 0, 1000)
	if err != nil || len(events) != 320 {
		t.Fatalf("%d events, %v", len(events), err)
	}
}

// TestGivenUpWhileBeginning: who gives up in the very moment his transaction begins leaves none open behind him, after
// which nothing could be written any more.
func TestGivenUpWhileBeginning(t *testing.T) {
	store := open(t, sqlite.Config{})
	log := eventstoretest.Log(t, store)
	for i := range 4000 {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			for range i % 97 {
				runtime.Gosched()
			}
			cancel()
		}()
		_ = store.InTx(ctx, func(eventstore.Tx) error { return nil })
		cancel()
	}
	if _, err := log.Append(t.Context(), eventstoretest.Event("1", "{}")); err != nil {
		t.Fatal(err)
	}
}

// TestSealsInsideATransactionWaitOnce: a transaction that seals for a subject without a key finds out once that the
// writer it would need is its own.
func TestSealsInsideATransactionWaitOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := open(t, sqlite.Config{})
		log := eventstoretest.Log(t, store)
		began := time.Now()
		err := store.InTx(t.Context(), func(eventstore.Tx) error {
			for range 50 {
				if _, err := log.Vault().Seal(t.Context(), "hubspot/contact/9", "row", []byte("ann")); err != nil {
					return err
				}
			}
			return nil
		})
		if took := time.Since(began); err != nil || took > time.Second/2 {
			t.Errorf("50 seals for one new subject took %s, %v", took, err)
		}
	})
}

func TestSealInsideATransactionMakesKeys(t *testing.T) {
	store := open(t, sqlite.Config{})
	log := eventstoretest.Log(t, store)
	rollback := errors.New("rolled back")
	var sealed []byte
	err := store.InTx(t.Context(), func(eventstore.Tx) (err error) {
		sealed, err = log.Vault().Seal(t.Context(), "hubspot/contact/9", "row", []byte("ann"))
		if err != nil {
			t.Fatal(err)
		}
		return rollback
	})
	if !errors.Is(err, rollback) {
		t.Fatal(err)
	}
	if _, err := store.Exec(t.Context(), "UPDATE log_head SET demo = $1", true); err != nil {
		t.Fatal(err)
	}
	var keys int64
	rows, err := store.Query(t.Context(), "SELECT COUNT(*) FROM subject_key")
	_, err = eventstore.Scan(rows, err, func(r eventstore.Rows) (int64, error) { return keys, r.Scan(&keys) })
	if err != nil {
		t.Fatal(err)
	}
	if keys != 1 {
		t.Fatalf("%d keys are stored with the next write, want 1", keys)
	}
	plain, err := log.Vault().Open(t.Context(), "hubspot/contact/9", "row", sealed)
	if err != nil || string(plain) != "ann" {
		t.Fatalf("%q, %v", plain, err)
	}
}

// TestFull: a database that may not grow says so in a way a caller can branch on, loses nothing it acknowledged, and
// goes on when there is room again.
func TestFull(t *testing.T) {
	store := open(t, sqlite.Config{})
	log := eventstoretest.Log(t, store)
	limit := func(pages int) {
		t.Helper()
		if _, err := store.Exec(t.Context(), fmt.Sprintf("PRAGMA max_page_count = %d", pages)); err != nil {
			t.Fatal(err)
		}
	}
	limit(1) // never below what is there
	var acknowledged int64
	for {
		got, err := log.Append(t.Context(), eventstoretest.Event("1", `{"much":"`+strings.Repeat("x", 5000)+`"}`))
		if err == nil {
			acknowledged = got[0].Position
			continue
		}
		if !errors.Is(err, eventstore.ErrDisk) || !errors.Is(err, eventstore.ErrUnavailable) {
			t.Errorf("no room: %v", err)
		}
		break
	}
	limit(1 << 30)
	got, err := log.Append(t.Context(), eventstoretest.Event("1", "{}"))
	if err != nil || got[0].Position != acknowledged+1 {
		t.Errorf("with room again: %+v, %v, after %d", got, err, acknowledged)
	}
	report, err := eventstore.Verify(t.Context(), store, log.Connection(), nil)
	if err != nil || !report.OK() || report.Events != acknowledged+1 {
		t.Errorf("verify: %+v, %v", report, err)
	}
}

// TestDeletedIsOverwritten: what is deleted is gone from the files, not only from view, so that an erased person's keys
// and index are.
func TestDeletedIsOverwritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "duolog.db")
	store := open(t, sqlite.Config{Path: path})
	const mark = "a text that stands nowhere else"
	for _, statement := range []string{
		"CREATE TABLE scratch (k INTEGER PRIMARY KEY, v TEXT NOT NULL)",
		"INSERT INTO scratch VALUES (1, '" + mark + "'), (2, 'stays'), (3, '" + strings.Repeat(mark, 500) + "')",
	} {
		if _, err := store.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if !inFiles(t, path, mark) {
		t.Fatal("what was inserted is in no file")
	}
	if _, err := store.Exec(t.Context(), "DELETE FROM scratch WHERE k <> 2"); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil { // which empties the log of writes
		t.Fatal(err)
	}
	if inFiles(t, path, mark) {
		t.Error("what was deleted is still in a file")
	}
}

func inFiles(t *testing.T, path, text string) bool {
	t.Helper()
	names, err := filepath.Glob(path + "*")
	if err != nil || len(names) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte(text)) {
			return true
		}
	}
	return false
}
