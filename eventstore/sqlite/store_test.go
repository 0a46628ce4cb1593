package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/eventstore"
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

func openLog(t *testing.T, store eventstore.Store) eventstore.Log {
	t.Helper()
	log, err := store.Log(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func event(record string, data string) eventstore.NewEvent {
	stream := "hubspot/contact/" + record
	return eventstore.NewEvent{
		ID: ulid.Make(), Stream: stream, Type: "record.updated", Schema: 1, OccurredAt: 7,
		Actor: "hubspot", Subject: stream, Data: []byte(data),
	}
}

func TestAppendAndRead(t *testing.T) {
	log := openLog(t, open(t, sqlite.Config{}))
	first, second := event("1", `{"a":1}`), event("2", `{"b":2}`)
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
	log := openLog(t, open(t, sqlite.Config{}))
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for i := range 20 {
				if _, err := log.Append(context.Background(), event(fmt.Sprint(w*100+i), "{}")); err != nil {
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

func TestSealInsideATransactionMakesKeys(t *testing.T) {
	store := open(t, sqlite.Config{})
	log := openLog(t, store)
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
