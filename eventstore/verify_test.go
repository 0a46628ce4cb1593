package eventstore_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
)

func filled(t *testing.T, store eventstore.Store, n int) {
	t.Helper()
	log, err := store.Log(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	events := make([]eventstore.NewEvent, n)
	for i := range events {
		stream := fmt.Sprintf("hubspot/contact/%d", i%7)
		events[i] = eventstore.NewEvent{
			ID: ulid.Make(), Stream: stream, Type: "record.updated", Schema: 1, Subject: stream, Actor: "hubspot",
			OccurredAt: int64(i % 3), Causation: int64(i), Data: []byte(`{"n":1}`),
		}
		if i%2 == 1 { // as what a system tells once more goes by a key of its own
			events[i].Key = fmt.Appendf(nil, "delivery %s", events[i].ID)
			events[i].ID = eventstore.KeyedID(events[i].ID, events[i].Key)
		}
	}
	if _, err := log.Append(t.Context(), events...); err != nil {
		t.Fatal(err)
	}
}

// disarm takes away what protects the log, as someone who owns the database can.
func disarm(t *testing.T, store eventstore.Store) {
	t.Helper()
	var statements []string
	for _, table := range []string{"event", "append_key", "tree_hash", "tree_head"} {
		statements = append(statements, "ALTER TABLE "+table+" DISABLE TRIGGER ALL")
	}
	if store.Backend() == "sqlite" {
		statements = []string{
			"DROP TRIGGER event_no_update", "DROP TRIGGER event_no_delete", "DROP TRIGGER append_key_no_update",
			"DROP TRIGGER append_key_no_delete", "DROP TRIGGER tree_hash_no_update", "DROP TRIGGER tree_hash_no_delete",
			"DROP TRIGGER tree_head_no_update", "DROP TRIGGER tree_head_no_delete",
		}
	}
	for _, statement := range statements {
		exec(t, store, statement)
	}
}

func exec(t *testing.T, store eventstore.Store, statement string) {
	t.Helper()
	if _, err := store.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func TestVerifyFindsNothingInAGoodLog(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		const n = 1203 // more than two pages, the last one not full
		filled(t, store, n)
		var steps []int64
		report, err := eventstore.Verify(t.Context(), store, "default", func(done, total int64) {
			if total != n {
				t.Errorf("total %d", total)
			}
			steps = append(steps, done)
		})
		if err != nil || !report.OK() || report.Events != n || report.Head != n {
			t.Fatalf("%+v, %v", report, err)
		}
		if !slices.IsSorted(steps) || steps[len(steps)-1] != n {
			t.Errorf("progress %v", steps)
		}
	})
}

func TestVerifyFindsWhatWasDone(t *testing.T) {
	cases := []struct {
		name, statement string
		position        int64
		kinds           []string
	}{
		{"stream", "UPDATE event SET stream = 'x' WHERE position = 4", 4, []string{eventstore.FaultHash}},
		{"type", "UPDATE event SET type = 'x' WHERE position = 4", 4, []string{eventstore.FaultHash}},
		{"schema", "UPDATE event SET schema = 2 WHERE position = 4", 4, []string{eventstore.FaultHash}},
		{"occurred", "UPDATE event SET occurred_at = 99 WHERE position = 4", 4, []string{eventstore.FaultHash}},
		{"actor", "UPDATE event SET actor = 'x' WHERE position = 4", 4, []string{eventstore.FaultHash}},
		{"causation", "UPDATE event SET causation = 1 WHERE position = 4", 4, []string{eventstore.FaultHash}},
		{"subject", "UPDATE event SET subject = 'x' WHERE position = 4", 4, []string{eventstore.FaultHash}},
		{"data", "UPDATE event SET data = key_hash WHERE position = 4", 4, []string{eventstore.FaultHash}},
		{"key hash", "UPDATE event SET key_hash = hash WHERE position = 4", 4, []string{eventstore.FaultHash}},
		{"hash", "UPDATE event SET hash = key_hash WHERE position = 4", 4, []string{eventstore.FaultHash}},
		{"id", "UPDATE event SET id = hash WHERE position = 4", 4, []string{eventstore.FaultHash}},
		{
			"hole", "DELETE FROM event WHERE position = 4", 4,
			[]string{eventstore.FaultCount, eventstore.FaultMissing},
		},
		{
			"cut tail", "DELETE FROM event WHERE position = 10", 10,
			[]string{eventstore.FaultCount, eventstore.FaultMissing},
		},
		{
			"head put back", "UPDATE log_head SET position = 9", 10,
			[]string{eventstore.FaultBeyond, eventstore.FaultCount, eventstore.FaultKeys},
		},
		{"key gone", "DELETE FROM append_key WHERE position = 4", 0, []string{eventstore.FaultKeys}},
		{"key moved", "UPDATE append_key SET position = 5 WHERE position = 4", 0, []string{eventstore.FaultKeys}},
		{"keys swapped", "UPDATE append_key SET position = 8 - position WHERE position IN (3, 5)", 5, []string{eventstore.FaultKeys}},
		{"own keys swapped", "UPDATE append_key SET position = 10 - position WHERE position IN (4, 6)", 6, []string{eventstore.FaultKeys}},
		{"key for key", "UPDATE append_key SET position = 9 - position WHERE position IN (4, 5)", 4, []string{eventstore.FaultKeys}},
		{
			"time", "UPDATE event SET recorded_at = 1 WHERE position = 4", 4,
			[]string{eventstore.FaultTime},
		},
	}
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		filled(t, store, 10)
		disarm(t, store)
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) { checkCase(t, store, c.statement, c.position, c.kinds) })
		}
	})
}

// checkCase does the damage in a transaction that is then rolled back, so each case finds a good log.
func checkCase(t *testing.T, store eventstore.Store, statement string, position int64, kinds []string) {
	t.Helper()
	undo := errors.New("undo")
	err := store.InTx(t.Context(), func(tx eventstore.Tx) error {
		if n, err := tx.Exec(t.Context(), statement); err != nil || n == 0 {
			t.Fatalf("%d rows changed, %v", n, err)
		}
		report, err := eventstore.Verify(t.Context(), within{store, tx}, "default", nil)
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		at := false
		for _, fault := range report.Faults {
			found = append(found, fault.Kind)
			at = at || fault.Position == position
		}
		slices.Sort(found)
		if !slices.Equal(slices.Compact(found), kinds) || !at {
			t.Errorf("found %+v, want %v at %d", report.Faults, kinds, position)
		}
		return undo
	})
	if !errors.Is(err, undo) {
		t.Fatal(err)
	}
}

// within is the database as a transaction sees it.
type within struct {
	eventstore.DB
	tx eventstore.Tx
}

func (w within) ReadTx(_ context.Context, fn func(eventstore.Querier) error) error { return fn(w.tx) }

func (w within) Query(ctx context.Context, query string, args ...any) (eventstore.Rows, error) {
	return w.tx.Query(ctx, query, args...)
}

func (w within) QueryKeys(ctx context.Context, query string, keys any, args ...any) (eventstore.Rows, error) {
	return w.tx.QueryKeys(ctx, query, keys, args...)
}

func TestVerifyNamesAnUnknownLog(t *testing.T) {
	_, err := eventstore.Verify(t.Context(), backends.SQLite(t), "nobody", nil)
	if !errors.Is(err, eventstore.ErrNoLog) {
		t.Fatal(err)
	}
}
