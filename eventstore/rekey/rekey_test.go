package rekey_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/eventstore/rekey"
)

func add(t *testing.T, log eventstore.Log, subjects ...string) {
	t.Helper()
	for _, s := range subjects {
		_, err := log.Append(t.Context(), eventstore.NewEvent{
			ID: ulid.Make(), Stream: s, Type: "record.updated", Schema: 1, Subject: s, Data: []byte(`{"of":"` + s + `"}`),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestRotation is cut short half-way, after which a process that was there and one that starts read and append, and
// goes on from there; then the old key is of no use.
func TestRotation(t *testing.T) {
	for _, backend := range []string{"sqlite", "postgres"} {
		t.Run(backend, func(t *testing.T) { t.Parallel(); testRotation(t, backend) })
	}
}

func testRotation(t *testing.T, backend string) {
	path := filepath.Join(t.TempDir(), "master.key")
	key, err := eventstore.CreateMasterKey(path)
	if err != nil {
		t.Fatal(err)
	}
	store := backends.Keyed(t, backend, key)
	log, err := store.Log(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	subjects := make([]string, 250)
	for i := range subjects {
		subjects[i] = fmt.Sprintf("hubspot/contact/%03d", i)
	}
	if err := log.Vault().Prefetch(t.Context(), subjects...); err != nil {
		t.Fatal(err)
	}
	add(t, log, subjects[0], subjects[249])

	rotating, err := eventstore.LoadMasterKey(path)
	if err == nil {
		err = rotating.BeginRotation()
	}
	if err != nil || rotating.Rotating() != key.ID() {
		t.Fatal(rotating.Rotating(), err)
	}
	ctx, kill := context.WithCancel(t.Context())
	w := rekey.Rewrap{DB: store, Connection: "default", Key: rotating, Progress: func(int64, int64) { kill() }}
	if err := w.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal("cut short:", err)
	}
	left, err := rekey.Left(t.Context(), store, "default", rotating.ID())
	if err != nil || left == 0 || left >= 250 {
		t.Fatal("half-way:", left, err)
	}
	add(t, log, subjects[1], subjects[248], "hubspot/contact/new")
	if key.ID() != rotating.ID() {
		t.Error("who was there wraps by the old key still")
	}
	again, err := eventstore.LoadMasterKey(path) // a process that starts
	if err != nil || again.ID() != rotating.ID() || again.BeginRotation() != nil || again.ID() != rotating.ID() {
		t.Fatal("the rotation does not go on:", again, err)
	}
	verify(t, store, again)

	w = rekey.Rewrap{DB: store, Connection: "default", Key: again}
	if err := w.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, err = rekey.Left(t.Context(), store, "default", again.ID()); err != nil || left != 0 {
		t.Fatal("at the end:", left, err)
	}
	aside, err := again.EndRotation()
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(aside); err != nil || info.Mode().Perm() != 0o600 {
		t.Error("the old key's file:", info, err)
	}
	if _, err := os.Stat(path + ".next"); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the new key's first file is left:", err)
	}
	now, err := eventstore.LoadMasterKey(path)
	if err != nil || now.ID() != rotating.ID() || now.Rotating() != "" {
		t.Fatal(now, err)
	}
	add(t, log, subjects[2], "hubspot/contact/later")
	verify(t, store, now)
	old, err := eventstore.LoadMasterKey(aside)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := (eventstore.Check{DB: store, Connection: "default", Master: old}).Run(t.Context()); err != nil || r.OK() {
		t.Error("the old key opens the log:", r, err)
	}
}

func verify(t *testing.T, store eventstore.Store, key eventstore.MasterKey) {
	t.Helper()
	r, err := eventstore.Check{DB: store, Connection: "default", Master: key}.Run(t.Context())
	if err != nil || !r.OK() {
		t.Fatal(r, err)
	}
}
