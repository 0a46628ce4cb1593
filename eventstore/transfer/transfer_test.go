package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/eventstore/seal"
	"github.com/duolog/duolog/eventstore/transfer"
)

func logOf(t *testing.T, store eventstore.Store) eventstore.Log {
	t.Helper()
	log, err := store.Log(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func fill(t *testing.T, log eventstore.Log, n int) {
	t.Helper()
	events := make([]eventstore.NewEvent, n)
	for i := range events {
		stream := fmt.Sprintf("hubspot/contact/%d", i%17)
		events[i] = eventstore.NewEvent{
			ID: ulid.Make(), Stream: stream, Type: "record.updated", Schema: 1, Actor: "test", Subject: stream,
			Data: fmt.Appendf(nil, `{"n":%d}`, i),
		}
	}
	if _, err := log.Append(t.Context(), events...); err != nil {
		t.Fatal(err)
	}
}

func sealed(t *testing.T, store eventstore.Store) {
	t.Helper()
	s, err := seal.New(seal.Config{DB: store, Log: logOf(t, store)})
	if err == nil {
		_, err = s.Seal(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// same fails unless the copy holds the log as it is up to the position, in other words also what was sealed.
func same(t *testing.T, from, to eventstore.Store, key eventstore.MasterKey, through int64) {
	t.Helper()
	if err := transfer.Compare(t.Context(), from, to, "default", through); err != nil {
		t.Fatal(err)
	}
	report, err := eventstore.Check{DB: to, Connection: "default", Master: key}.Run(t.Context())
	if err != nil || !report.OK() || report.Head != through {
		t.Fatalf("%+v, %v", report, err)
	}
	want, err := logOf(t, from).Read(t.Context(), 0, int(through))
	if err != nil {
		t.Fatal(err)
	}
	got, err := logOf(t, to).Read(t.Context(), 0, int(through))
	if err != nil || len(got) != len(want) {
		t.Fatalf("%d events of %d, %v", len(got), len(want), err)
	}
	for i := range want {
		if got[i].Hash != want[i].Hash || string(got[i].Data) != string(want[i].Data) || got[i].Erased != want[i].Erased {
			t.Fatalf("event %d is %+v, was %+v", i+1, got[i], want[i])
		}
	}
}

// TestEveryPair copies a log while it grows, in two runs, the first cut short, under another master key.
func TestEveryPair(t *testing.T) {
	for _, from := range []string{"sqlite", "postgres"} {
		for _, to := range []string{"sqlite", "postgres"} {
			t.Run(from+" to "+to, func(t *testing.T) { testPair(t, from, to) })
		}
	}
}

func testPair(t *testing.T, from, to string) {
	t.Parallel()
	key, other := eventstore.NewMasterKey(), eventstore.NewMasterKey()
	source, target := backends.Keyed(t, from, key), backends.Keyed(t, to, other)
	log := logOf(t, source)
	fill(t, log, 149)
	gone := eventstore.NewEvent{ID: ulid.Make(), Stream: "gone", Type: "record.updated", Schema: 1, Subject: "gone", Data: []byte(`{}`)}
	if _, err := log.Append(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	sealed(t, source)
	for _, erase := range []string{
		"UPDATE subject_key SET wrapped = NULL WHERE subject = 'gone'", "UPDATE log_head SET key_epoch = key_epoch + 1",
	} {
		if _, err := source.Exec(t.Context(), erase); err != nil {
			t.Fatal(err)
		}
	}
	c := transfer.Copy{From: source, To: target, Key: key, NewKey: other, Page: 50}
	short, stop := context.WithCancel(t.Context())
	c.Progress = func(done, _ int64) {
		if done >= 100 {
			stop()
		}
	}
	if _, err := c.Run(short); err == nil {
		t.Fatal("cut short, and yet whole")
	}
	fill(t, log, 70)
	var done, total int64
	c.Progress = func(d, of int64) {
		if done, total = d, of; done == total { // beyond the snapshot
			fill(t, log, 10)
		}
	}
	sum, err := c.Run(t.Context())
	if err != nil || len(sum.Logs) != 1 || sum.Rows() != 220 || done != total || total != 440 {
		t.Fatalf("%+v, %d of %d, %v", sum, done, total, err)
	}
	if state, _, err := transfer.Read(t.Context(), target); err != nil || state != transfer.Filling {
		t.Fatalf("state %q, %v", state, err)
	}
	c.Progress = nil
	fill(t, log, 30)
	sealed(t, source)
	if sum, err = c.Run(t.Context()); err != nil || sum.Rows() != 260 {
		t.Fatalf("the rest: %+v, %v", sum, err)
	}
	same(t, source, target, other, 260)
	head, err := logOf(t, target).Head(t.Context())
	if err != nil || head.LogID != sum.Logs[0].LogID || head.Generation != 1 || head.Position != 260 {
		t.Fatalf("%+v, %v", head, err)
	}
}

// TestGenerationIsKept: a run that goes on gives no second generation.
func TestGenerationIsKept(t *testing.T) {
	key := eventstore.NewMasterKey()
	source, target := backends.Keyed(t, "sqlite", key), backends.Keyed(t, "sqlite", key)
	fill(t, logOf(t, source), 3)
	for _, next := range []int64{7, 9} {
		c := transfer.Copy{From: source, To: target, Key: key, NewKey: key, Generation: func(transfer.Log) int64 { return next }}
		if _, err := c.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if head, err := logOf(t, target).Head(t.Context()); err != nil || head.Generation != 7 {
		t.Errorf("%+v, %v, want the generation it began with", head, err)
	}
}

func TestRefusesWhatIsNotEmpty(t *testing.T) {
	key := eventstore.NewMasterKey()
	source, target := backends.Keyed(t, "sqlite", key), backends.Keyed(t, "sqlite", key)
	fill(t, logOf(t, source), 3)
	logOf(t, target)
	c := transfer.Copy{From: source, To: target, Key: key, NewKey: key}
	if _, err := c.Run(t.Context()); !errors.Is(err, transfer.ErrTarget) {
		t.Errorf("onto another log: %v", err)
	}
	begun := backends.Keyed(t, "sqlite", key)
	if err := transfer.Set(t.Context(), begun, transfer.Filling, time.Now()); err != nil {
		t.Fatal(err)
	}
	logOf(t, begun)
	c.To = begun
	if _, err := c.Run(t.Context()); !errors.Is(err, transfer.ErrTarget) {
		t.Errorf("onto the copy of another log: %v", err)
	}
	c.To, c.Key = backends.Keyed(t, "sqlite", key), eventstore.NewMasterKey()
	c.NewKey = c.Key
	if _, err := c.Run(t.Context()); !errors.Is(err, eventstore.ErrMasterKey) {
		t.Errorf("under a wrong key: %v", err)
	}
}

// TestTablesAreAccountedFor fails for a table that nobody said of whether a backup holds it.
func TestTablesAreAccountedFor(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		query := "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'"
		if store.Backend() == "postgres" {
			query = "SELECT CAST(relname AS TEXT) FROM pg_class WHERE relkind IN ('r', 'p', 'v') AND relnamespace = current_schema()::regnamespace"
		}
		rows, err := store.Query(t.Context(), query)
		names, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (s string, err error) { return s, r.Scan(&s) })
		if err != nil || len(names) < 10 {
			t.Fatal(names, err)
		}
		for _, name := range names {
			if !slices.Contains(transfer.Copied(), name) && !transfer.Left(name) {
				t.Errorf("table %s: say in eventstore/transfer/tables.go whether it is copied", name)
			}
		}
	})
}
