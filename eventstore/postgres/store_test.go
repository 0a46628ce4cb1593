package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest"
	"github.com/duolog/duolog/eventstore/postgres"
)

func open(t *testing.T, c postgres.Config) eventstore.Store {
	t.Helper()
	if c.URL == "" {
		c.URL = eventstoretest.PostgresURL(t)
	}
	if c.MasterKey.IsZero() {
		c.MasterKey = eventstore.NewMasterKey()
	}
	c.Migrate = true
	store, err := postgres.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func TestTwoProcessesAppendAtOnce(t *testing.T) {
	c := postgres.Config{URL: eventstoretest.PostgresURL(t), MasterKey: eventstore.NewMasterKey()}
	one, other := eventstoretest.Log(t, open(t, c)), eventstoretest.Log(t, open(t, c))
	var wg sync.WaitGroup
	for w := range 16 {
		log := []eventstore.Log{one, other}[w%2]
		wg.Go(func() {
			for i := range 20 {
				// The same records on both: each process tries to make their keys.
				ev := eventstoretest.Event(fmt.Sprint(i), fmt.Sprint(w))
				if _, err := log.Append(context.Background(), ev); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	events, err := one.Read(t.Context(), 0, 1000)
	if err != nil || len(events) != 320 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	for i, ev := range events {
		if ev.Position != int64(i)+1 {
			t.Fatalf("position %d at index %d", ev.Position, i)
		}
	}
}

func TestNotificationWakesAnotherProcess(t *testing.T) {
	c := postgres.Config{
		URL: eventstoretest.PostgresURL(t), MasterKey: eventstore.NewMasterKey(), PollInterval: time.Hour,
	}
	writer, reader := eventstoretest.Log(t, open(t, c)), eventstoretest.Log(t, open(t, c))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	woken := make(chan error, 1)
	go func() {
		for {
			err := reader.Wait(ctx, 0)
			if head, _ := reader.Head(ctx); err != nil || head.Position > 0 {
				woken <- err
				return
			}
		}
	}()
	if _, err := writer.Append(ctx, eventstoretest.Event("1", "{}")); err != nil {
		t.Fatal(err)
	}
	if err := <-woken; err != nil {
		t.Fatal(err)
	}
}

// TestFullIsUnavailable: a server without room on its disk, or with one that fails, is a reason to come again, and a
// caller can tell it from one that does not answer.
func TestFullIsUnavailable(t *testing.T) {
	store := open(t, postgres.Config{URL: eventstoretest.PostgresURL(t), MasterKey: eventstore.NewMasterKey()})
	for code, disk := range map[string]bool{"53100": true, "58030": true, "53300": false, "57P03": false} {
		_, err := store.Exec(t.Context(), "DO $$ BEGIN RAISE EXCEPTION 'on purpose' USING ERRCODE = '"+code+"'; END $$")
		if !errors.Is(err, eventstore.ErrUnavailable) || errors.Is(err, eventstore.ErrDisk) != disk {
			t.Errorf("%s: %v", code, err)
		}
	}
}
